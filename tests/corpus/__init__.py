"""What a real API server says to thousands of objects: recorded once, replayed by tests/unit/model/test_corpus.py."""
