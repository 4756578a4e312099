# Makes the letter of an imagined operator, as people make one: placeholders cut
# up by formatting, in a table, in header and footer. Writes it to argv[1].
import sys
from docx import Document
from docx.shared import Pt

d = Document()
d.add_heading("关于{{系统}}的报告", 1)

p = d.add_paragraph("编号 ")
for part in ["{", "{事件", "编", "号}", "}"]:
    run = p.add_run(part)
    run.bold = True
    run.font.size = Pt(14)
p.add_run(" 级别{{ Level Name }}，")
p.add_run("自{{outage since}}起，{{id}}{{id}}").italic = True

d.add_paragraph("｛｛单位｝｝ & <公章>")
d.add_paragraph("没有占位符的一段，{单个括号}不算。")
d.add_paragraph("{{处置经过}}")

table = d.add_table(rows=2, cols=2)
table.cell(0, 0).text = "热线"
table.cell(0, 1).text = "{{incident hotline}}"
inner = table.cell(1, 1).add_table(rows=1, cols=1)
inner.cell(0, 0).text = "{{客服电话}}"

section = d.sections[0]
section.header.paragraphs[0].text = "{{演练标记}} {{事件编号}}"
section.footer.paragraphs[0].add_run("{{to")
section.footer.paragraphs[0].add_run("day}}").bold = True
d.save(sys.argv[1])
