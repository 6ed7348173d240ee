"""A browser app for EvoLink's Kling-V3 Motion Control."""
