#!/usr/bin/env bash
# Makes micro-hei.ttf: WenQuanYi Micro Hei cut down to what GBK can write, ASCII,
# Latin-1 and a few signs. Needs python3-fonttools and fonts-wqy-microhei.
set -euo pipefail
cd "$(dirname "$0")"
/usr/bin/python3 - <<'PY' >unicodes.txt
signs = "←↑→↓√×÷±≤≥≠≈∞…‥·•●○◆◇■□▲△▼▽★☆✓✗✕☐☑☒№℃§¶†‡–—‘’“”‹›€£¥©®™"
points = set(range(0x20, 0x7F)) | set(range(0xA0, 0x180)) | set(map(ord, signs)) | set(range(0x3000, 0x3040)) | set(range(0xFF00, 0xFFF0))
for high in range(0x81, 0xFF):
    for low in range(0x40, 0xFF):
        try:
            points.add(ord(bytes([high, low]).decode("gbk")))
        except (UnicodeDecodeError, TypeError):
            pass
print(",".join("%04X" % p for p in sorted(points)))
PY
/usr/bin/python3 -m fontTools.subset /usr/share/fonts/truetype/wqy/wqy-microhei.ttc --font-number=0 --unicodes-file=unicodes.txt \
  --no-hinting --layout-features= --name-IDs=0,1,2,3,4,5,6,13,14 --notdef-outline --output-file=micro-hei.ttf
rm unicodes.txt
