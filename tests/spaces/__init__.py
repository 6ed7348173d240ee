"""A Hugging Face Space, emulated: its builder's packages, its variables, its read-only code and what is uploaded."""
