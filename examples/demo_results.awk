# awk -f demo_results.awk fold1.json fold2.json systems.txt: the demo's figures, of `bragg evaluate --json` for two folds
# and `bragg crystals info` for all structures.
FILENAME != last { file++; last = FILENAME }
/"patterns":/ && !(file in n) { gsub(/[^0-9]/, "", $2); n[file] = $2 }
/"accuracy":/ && !(file in right) { sub(/,/, "", $2); right[file] = int($2 * n[file] + 0.5) }
file == 3 && /^  [a-z]+ +[0-9]+$/ && $2 > most { most = $2; class = $1 }
END {
  print "Results: the crystal system (7) of patterns whose structures the model has not seen"
  for (fold = 1; fold <= 2; fold++) line("fold " fold, right[fold], n[fold])
  low = line("both", right[1] + right[2], n[1] + n[2])
  share = 100 * most / (n[1] + n[2])
  printf "  %-8s %3d of %3d right: %5.1f %%  (always \"%s\")\n", "majority", most, n[1] + n[2], share, class
  if (low > share) print "The interval of both folds lies above the majority's share."
  else print "The interval of both folds does not lie above the majority's share: the model was trained too little."
}
function line(name, k, count, p, z, mid, half) {
  z = 1.959964
  p = k / count
  mid = (p + z * z / (2 * count)) / (1 + z * z / count)
  half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
  printf "  %-8s %3d of %3d right: %5.1f %%  (95 %% interval %.1f .. %.1f %%)\n", name, k, count, 100 * p, 100 * (mid - half),
    100 * (mid + half)
  return 100 * (mid - half)
}
