"""Media and bus: fast and bounded. Nothing here knows coins; see the design in README.md."""
