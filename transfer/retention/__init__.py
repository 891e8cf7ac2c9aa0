"""What is deleted when: the plan, the deletion of one case, and the worker that does it all."""
