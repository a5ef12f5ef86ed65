"""The writers of the generated files: NAME.py makes docs/reference/NAME.md, and chart.py the chart's schema and definitions."""
