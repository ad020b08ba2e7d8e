# awk -f demo_identified.awk crystals.tsv identified.csv: how many patterns `bragg identify --csv` names right, of `bragg crystals info
# --table` for the structures that they were drawn from, whose names the files have.

# The parts of a line of CSV, some of them in quotes.
function fields_of(line, field, n) {
  for (n = 1; line != ""; ++n) {
    if (match(line, /^"([^"]|"")*"/)) field[n] = substr(line, 2, RLENGTH - 2)
    else { match(line, /^[^,]*/); field[n] = substr(line, 1, RLENGTH) }
    line = substr(line, RLENGTH + 2)
  }
}
# Of two mirror images the lower number.
function group(number) {
  return number in mirror ? mirror[number] : number
}
# "Ca4 Mg2 O14 Si4" -> "Ca2 Mg O7 Si2"; as it is where a number is no whole one.
function reduced(formula, n, part, i, symbol, count, common, a, b, text) {
  n = split(formula, part, " ")
  for (i = 1; i <= n; ++i) {
    symbol[i] = count[i] = part[i]
    gsub(/[0-9.]/, "", symbol[i])
    gsub(/[A-Za-z]/, "", count[i])
    if (count[i] == "") count[i] = 1
    if (count[i] != int(count[i])) return formula
    if (i == 1) common = count[i]
    for (a = count[i]; common % a; a = b) {
      b = common % a
      common = a
    }
    common = a
  }
  for (i = 1; i <= n; ++i) text = text (i > 1 ? " " : "") symbol[i] (count[i] == common ? "" : count[i] / common)
  return text
}
function line(what, k) { printf "  %-20s %3d of %3d right: %5.1f %%\n", what, k, all, 100 * k / all }

BEGIN {
  split("78 95 96 145 153 154 170 172 179 181 213", higher, " ")
  split("76 91 92 144 151 152 169 171 178 180 212", lower, " ")
  for (i in higher) mirror[higher[i]] = lower[i]
}
FNR == 1 { ++file }
file == 1 {
  split($0, column, "\t")
  if (FNR == 1) for (i in column) place[column[i]] = i
  name = column[place["name"]]
  true_group[name] = column[place["space_group"]]
  formula[name] = reduced(column[place["formula"]])
  mineral[name] = column[place["mineral"]]
  next
}
{
  split("", field)
  fields_of($0, field)
  if (FNR == 1) { for (i in field) at[field[i]] = i; next }
  name = field[at["file"]]
  sub(/.*\//, "", name)
  sub(/\.xy$/, "", name)
  ++all
  if (field[at["refused"]] != "") { ++refused; next }
  if (group(field[at["space_group"]]) != group(true_group[name])) next
  ++groups
  found = field[at["candidate"]]
  if (!(found != "" && found == mineral[name]) && field[at["candidate_formula"]] != formula[name]) next
  ++structures
  phases += field[at["phase"]] != ""
}
END {
  printf "Results: bragg identify with nothing named, a realistic pattern of each of %d structures\n", all
  line("space group", groups)
  line("structure", structures)
  line("named as the phase", phases)
  printf "A structure is right with its group (mirror images are one) and its name or formula. Refused: %d.\n", refused
}
