// The symmetry that a crystal has, whatever its file declares: a search of ours among the rotations of its
// lattice (after R. W. Grosse-Kunstleve, N. K. Sauter, P. D. Adams, Acta Cryst. A60 (2004) 1 for the lattice;
// the group's type as in space_group_type.cpp).
#pragma once

#include <optional>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// Å. Images of atoms, and of the reduced cell's edges, closer than this count as equal. Coordinates
/// published with three decimals are off by up to 0.005 A in a cell of 10 A, cells and atoms of DFT
/// relaxations by about as much, and an operation adds two such errors; distortions that make another phase
/// are 0.05 A and more. Where the operations within it are no group, it is lowered until they are.
inline constexpr double symmetry_tolerance = 0.02;
/// Atoms of one species are alike where their occupancies differ by no more than rounding to two or three
/// digits makes of one number (0.33, 0.333).
inline constexpr double occupancy_tolerance = 0.004;
/// A^2, each direction. Atoms whose displacements differ by more than this, and by more than half of the
/// larger one, are not equal; below that the mean is taken. Atoms without any equal all.
inline constexpr double displacement_tolerance = 0.02;

/// The crystal under its true group where that is larger than the one declared: operators of a setting of the
/// tables (on the file's own axes where these are a setting's, else the standard one), its cell, and the
/// unique sites at the mean of their images; space_group_declared says what it was. Empty where the declared
/// symmetry is full, and for cells so large and so nearly symmetric that the search gives up (`gave_up`).
std::optional<Crystal> with_symmetry_found(const Crystal&, double tolerance = symmetry_tolerance,
                                           bool* gave_up = nullptr);

}  // namespace bragg::xrd
