"""From fields to a submission: predictors that wrap predictors, fusion, rules, encoding."""
