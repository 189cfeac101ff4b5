"""The Python interface: what `import hpa` offers. NumPy in, NumPy out; `docs/python_api.md` shows it."""
