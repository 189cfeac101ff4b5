"""One module a subcommand of `hpa`: `add_arguments(parser)` and `run(arguments) -> exit code`; heavy imports inside."""
