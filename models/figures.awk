# awk -v set=NAME -f figures.awk FILE.json: the figures of a set that `bragg evaluate --json` wrote, as lines "SET.RATE=VALUE":
# the number of patterns, shares of 1 that are right, and RATE_low and RATE_high, the bounds of the 95 % interval. Of
# `bragg evaluate --lookup --json` those of the search and the network together, as identify_RATE.
BEGIN {
  told["crystal_system.accuracy"] = "crystal_system"
  told["space_group.accuracy"] = "space_group"
  told["space_group.accuracy_modulo_pairs"] = "modulo_pairs"
  told["space_group.top5"] = "top5"
  # Of the scores the third is of both.
  told["scores.2.crystal_system"] = "identify_crystal_system"
  told["scores.2.space_group"] = "identify_space_group"
  told["scores.2.top5"] = "identify_top5"
}

# The JSON has a bracket or a value a line; path() is the way to it, in a list by the place from 0.
{ sub(/^ +/, ""); sub(/,$/, "") }
/^[]}]/ { --depth; next }
{
  if (!match($0, /^"[^"]*": /)) key = count[depth]++
  else { key = substr($0, 2, RLENGTH - 4); $0 = substr($0, RLENGTH + 1) }
}
/[[{]$/ { name[++depth] = key; count[depth] = 0; next }
{
  rate = path(depth, key)
  if (rate == "patterns") patterns = $0
  if (rate in told) put(told[rate], $0)
  interval = path(depth - 1, name[depth])
  if (sub(/_interval$/, "", interval) && interval in told) put(told[interval] (key == 0 ? "_low" : "_high"), $0)
}
function path(to, last, i, text) {
  for (i = 2; i <= to; ++i) text = text name[i] "."  # 1 is the whole
  return text last
}
function put(rate, value) {
  printf "%s.%s=%.4f\n", set, rate, value
  if (rate ~ /^identify_/) both = "identify_"
}
END { printf "%s.%spatterns=%d\n", set, both, patterns }
