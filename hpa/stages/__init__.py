"""Chains of trainings (`stages=`): folds, rounds, and what they share."""
