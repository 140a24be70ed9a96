"""What could make a submission fail, checked before it is pushed."""
