#!/usr/bin/env python3
"""Writes dispersion.tsv: f' and f'' of the elements by Chantler (1995, J. Phys. Chem. Ref. Data 24, 71; 2000, ibid. 29,
597), another calculation than the one that bragg takes its values from, as the Python package xraydb (MIT; its data
are in the public domain) gives them. Left out is what lies within a tenth of an edge's energy.

    pip install xraydb && python3 make_dispersion_table.py > dispersion.tsv
"""
import xraydb

HC = 12398.41984  # eV A
WAVELENGTHS = [2.289726, 1.788996, 1.54184, 0.7093171, 0.5594214, 0.25]  # A: Cr, Co, Cu, Mo, Ag and beyond
FIRST, LAST = 3, 92

print(f"# Chantler, by xraydb {xraydb.__version__}, see make_dispersion_table.py")
print("# Z\twavelength (A)\tf'\tf''")
for wavelength in WAVELENGTHS:
    energy = HC / wavelength
    for z in range(FIRST, LAST + 1):
        if any(abs(edge.energy / energy - 1) < 0.1 for edge in xraydb.xray_edges(z).values()):
            continue
        real = float(xraydb.f1_chantler(z, energy))
        imaginary = float(xraydb.f2_chantler(z, energy))
        print(f"{z}\t{wavelength}\t{real:.3f}\t{imaginary:.3f}")
