"""The HuBMAP + HPA competition: its tables, polygons, pictures and submissions."""
