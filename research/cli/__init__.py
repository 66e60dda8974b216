"""The command `research`: studies from the shell. Nothing else imports it."""
