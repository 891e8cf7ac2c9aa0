"""The pages that people see: rendered on the server, with a script where one helps."""
