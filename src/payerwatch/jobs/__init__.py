"""Work that goes on after whoever caused it was answered."""
