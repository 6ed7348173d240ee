"""The example material, drawn and composed by code: characters, dancers, their stages and their music."""
