"""Commands and files for putting the app somewhere else."""
