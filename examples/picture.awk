# awk -f picture.awk peaks.txt answer.json pattern.xy: the pattern with ticks where the structure's lines are, and beside it
# the probabilities of the crystal systems, as SVG.
BEGIN {
  left = 46; right = 590; top = 40; bottom = 262; first = 5; last = 90
}
FNR == 1 { file++ }
file == 1 && /^#.*space group/ {
  number = $5 + 0
  name = $2
  sub(/,$/, "", name)
  match($0, /\([^)]*\)/)
  symbol = substr($0, RSTART + 1, RLENGTH - 2)
}
file == 1 && !/^#/ && $7 >= first && $7 <= last { tick[++ticks] = x($7) }

# {"name":"trigonal","probability":0.93}, the likeliest first.
file == 2 {
  count = split($0, part, /\{"name":"/)
  for (i = 2; i <= count; i++) {
    system_name[i - 1] = part[i]
    sub(/".*/, "", system_name[i - 1])
    probability[i - 1] = part[i]
    sub(/.*"probability":/, "", probability[i - 1])
    probability[i - 1] += 0
  }
  count--
}

# Of the points that fall into one column of the picture the lowest and the highest are kept.
file == 3 && !/^#/ && NF >= 2 && $1 >= first && $1 <= last {
  column = int(2 * x($1))
  if (column != now) { keep(); now = column; low = high = $2 }
  if ($2 < low) low = $2
  if ($2 > high) high = $2
  if ($2 > most) most = $2
}
END {
  keep()
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 330\" font-family=\"sans-serif\" font-size=\"13\""
  print "  role=\"img\" aria-label=\"Powder pattern of " name " and the crystal systems that a network gives it\">"
  print "<style>svg{--ink:#1f2328;--faint:#656d76;--line:#0b62c4;--bar:#b6c2cf;--page:#fff}"
  print "@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--faint:#8d96a0;--line:#6cb0ff;--bar:#3d4752;--page:#0d1117}}"
  print "text{fill:var(--ink)}.faint{fill:var(--faint);font-size:11.5px}.axis,.tick{stroke:var(--faint);stroke-width:1}"
  print ".curve{fill:none;stroke:var(--line);stroke-width:1;stroke-linejoin:round}.bar{fill:var(--bar)}.true{fill:var(--line)}</style>"
  print "<rect width=\"860\" height=\"330\" fill=\"var(--page)\"/>"
  printf "<text x=\"%d\" y=\"22\" font-weight=\"bold\">The pattern</text>\n", left
  printf "<polyline class=\"curve\" points=\"%s\"/>\n", points(most)
  for (i = 1; i <= ticks; i++) printf "<path class=\"tick\" d=\"M%.1f %dv9\"/>\n", tick[i], bottom + 12
  printf "<path class=\"axis\" d=\"M%d %dH%d\"/>\n", left, bottom + 26, right
  for (angle = 10; angle <= last; angle += 10) {
    printf "<path class=\"axis\" d=\"M%.1f %dv4\"/>", x(angle), bottom + 26
    printf "<text class=\"faint\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x(angle), bottom + 43, angle
  }
  printf "<text class=\"faint\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">2θ in degrees, Cu Kα; ticks: the lines of the structure at rest</text>\n",
    (left + right) / 2, bottom + 61
  printf "<text class=\"faint\" x=\"20\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 20 %d)\">intensity</text>\n",
    (top + bottom) / 2, (top + bottom) / 2

  print "<text x=\"630\" y=\"22\" font-weight=\"bold\">The network's answer</text>"
  for (i = 1; i <= count; i++) {
    y = 24 + 26 * i
    class = system_name[i] == system_of(number) ? "true" : "bar"
    printf "<text x=\"716\" y=\"%d\" text-anchor=\"end\">%s</text>", y, system_name[i]
    printf "<rect class=\"%s\" x=\"724\" y=\"%d\" width=\"%.1f\" height=\"15\"/>", class, y - 12, 80 * probability[i] + 0.5
    printf "<text class=\"faint\" x=\"%.1f\" y=\"%d\">%s</text>\n", 730 + 80 * probability[i], y, percent(probability[i])
  }
  printf "<text class=\"faint\" x=\"630\" y=\"%d\">What it is: %s,</text>\n", 24 + 26 * count + 40, shown(name)
  printf "<text class=\"faint\" x=\"630\" y=\"%d\">%s, space group %s (%d)</text>\n", 24 + 26 * count + 57, system_of(number), symbol, number
  print "</svg>"
}
function x(angle) { return left + (right - left) * (angle - first) / (last - first) }
function keep() {
  if (now == "") return
  n++
  at[n] = (now + 0.5) / 2; lows[n] = low; highs[n] = high
}
# Downwards from the last point where that is nearer, so that the curve has no spurious strokes.
function points(most, text, i, y, rising) {
  for (i = 1; i <= n; i++) {
    rising = i == 1 || (lows[i] + highs[i]) >= (lows[i - 1] + highs[i - 1])
    text = text " " at_height(at[i], rising ? lows[i] : highs[i], most)
    if (lows[i] != highs[i]) text = text " " at_height(at[i], rising ? highs[i] : lows[i], most)
  }
  return substr(text, 2)
}
function at_height(where, value, most) { return sprintf("%.1f,%.1f", where, bottom - (bottom - top) * value / most) }
function percent(p) { return p < 0.005 ? "under 1 %" : sprintf("%.0f %%", 100 * p) }
function shown(text) { gsub(/_/, " ", text); return text }
function system_of(number) {
  return number <= 2 ? "triclinic" : number <= 15 ? "monoclinic" : number <= 74 ? "orthorhombic" : number <= 142 ? "tetragonal" : \
    number <= 167 ? "trigonal" : number <= 194 ? "hexagonal" : "cubic"
}
