"""What a study is: its configuration, its design, its stages, and where its files lie."""
