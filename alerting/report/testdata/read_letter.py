# Reads files of .docx and prints as JSON what a word processor would find in
# each, by the file's name.
import json
import os
import sys
from docx import Document
from docx.oxml.ns import qn


def text(p):
    return "".join("\n" if e.tag == qn("w:br") else e.text or "" for e in p.iter(qn("w:t"), qn("w:br")))


def read(file):
    d = Document(file)
    s = d.sections[0]
    body = d.element.body
    return {
        "paragraphs": [text(p) for p in body.iter(qn("w:p"))],
        "styles": [p.style.name for p in d.paragraphs],
        "tables": [[[c.text for c in r.cells] for r in t.rows] for t in d.tables],
        "header": [text(p._p) for p in s.header.paragraphs],
        "footer": [text(p._p) for p in s.footer.paragraphs],
        "even_footer": [text(p._p) for p in s.even_page_footer.paragraphs],
        "even_header": [text(p._p) for p in s.even_page_header.paragraphs],
        "bold": [r.text for p in d.paragraphs for r in p.runs if r.bold],
        "page_mm": [round(x.mm) for x in (s.page_width, s.page_height, s.top_margin, s.bottom_margin, s.left_margin, s.right_margin)],
        "title": d.core_properties.title,
    }


json.dump({os.path.basename(f): read(f) for f in sys.argv[1:]}, sys.stdout, ensure_ascii=False)
