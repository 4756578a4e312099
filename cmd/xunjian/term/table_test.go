package term

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func render(t *Table, columns int, colour bool) string {
	var b bytes.Buffer
	t.Write(Out{Writer: &b, Columns: columns, Colour: colour})
	return b.String()
}

// Columns stand below each other whatever the width of the characters.
func TestColumnsLineUp(t *testing.T) {
	table := NewTable(Column{Title: "编号"}, Column{Title: "级别"}, Column{Title: "COUNT", Right: true}, Column{Title: "标题"})
	table.Row(Cell{Text: "INC-1"}, Cell{Text: "IV"}, Cell{Text: "7"}, Cell{Text: "开标大厅停止响应"})
	table.Row(Cell{Text: "事件二"}, Cell{Text: "特别重大"}, Cell{Text: "1234567"}, Cell{Text: "disk full"})
	table.Row(Cell{Text: "é"})
	want := `编号    级别        COUNT  标题
INC-1   IV              7  开标大厅停止响应
事件二  特别重大  1234567  disk full
é
`
	for _, columns := range []int{0, 100} {
		if got := render(table, columns, false); got != want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", columns, got, want)
		}
	}
}

// A narrow terminal wraps what may give way, and nothing else.
func TestNarrowTablesWrap(t *testing.T) {
	table := NewTable(Column{Title: "状态"}, Column{Title: "说明", Flex: 1}, Column{Title: "人"}).Margin("  ")
	table.Row(Cell{Text: "待确认"}, Cell{Text: "开标大厅停止响应，投标人无法登录"}, Cell{Text: "wang"})
	table.Row(Cell{Text: "已解决"}, Cell{Lead: "/data", Text: "4.0 KiB left"}, Cell{Text: "li"})
	want := `  状态    说明              人
  待确认  开标大厅停止响    wang
          应，投标人无法登
          录
  已解决  /data  4.0 KiB    li
          left
`
	if got := render(table, 32, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := render(table, 0, false); strings.Count(got, "\n") != 3 {
		t.Errorf("without a terminal a row is no longer a line:\n%s", got)
	}
}

// The more weight a column has, the more room it gets; what one does not need
// is for the others.
func TestRoomIsShared(t *testing.T) {
	long := strings.Repeat("巡检", 40)
	table := NewTable(Column{Flex: 1}, Column{Flex: 3}, Column{Flex: 1})
	table.Row(Cell{Text: long}, Cell{Text: long}, Cell{Text: "short"})
	widths := table.widths(100)
	if want := []int{22, 68, 5}; !slices.Equal(widths, want) {
		t.Errorf("widths %v of 100, want %v", widths, want)
	}
	for line := range strings.Lines(render(table, 100, false)) {
		if w := Width(strings.TrimRight(line, "\n")); w > 100 {
			t.Errorf("a line of %d columns: %q", w, line)
		}
	}
}

func TestHeadingsTakeNoColumn(t *testing.T) {
	table := NewTable(Column{}, Column{})
	table.Heading("事件及其来源，很长的标题")
	table.Row(Cell{Text: "a"}, Cell{Text: "b"})
	if got, want := render(table, 80, false), "事件及其来源，很长的标题\na  b\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Colours take no width, and end where the text ends.
func TestColour(t *testing.T) {
	table := NewTable(Column{}, Column{})
	table.Row(Cell{Text: "✗ 异常", Style: RedBold}, Cell{Lead: "/data", Text: "full", Style: Red})
	if got, want := render(table, 80, true), "\x1b[1;31m✗ 异常\x1b[0m  \x1b[1m/data\x1b[0m\x1b[31m  full\x1b[0m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := render(table, 80, false), "✗ 异常  /data  full\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A cell from outside cannot leave its cell.
func TestHostileCells(t *testing.T) {
	table := NewTable(Column{}, Column{Flex: 1})
	table.Row(Cell{Text: "a\nroot  admin"}, Cell{Text: "\x1b[2Jx\ry"})
	if got := render(table, 60, false); got != "a root  admin  �[2Jx y\n" {
		t.Errorf("got %q", got)
	}
}

func TestLed(t *testing.T) {
	var b bytes.Buffer
	Out{Writer: &b, Columns: 20, Colour: true}.Led("提示：", Cyan, "请用 xunjian status 查看")
	if got, want := b.String(), "\x1b[36m提示：\x1b[0m请用 xunjian\nstatus 查看\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Without a terminal there is neither colour, nor wrapping, nor a line that is
// written over.
func TestFilesGetPlainText(t *testing.T) {
	var b bytes.Buffer
	out := Open(&b, func(string) string { return "" })
	if out.Colour || out.Live || out.Columns != 0 {
		t.Errorf("a buffer is taken for a terminal: %+v", out)
	}
	p := out.Progress()
	p.Show("1/2", false)
	p.Show("2/2", true)
	p.Clear()
	out.Indented("  ", strings.Repeat("巡检 ", 60), RedBold)
	if strings.Contains(b.String(), "\x1b") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%q", b.String())
	}
}

func TestProgressIsWrittenOver(t *testing.T) {
	var b bytes.Buffer
	p := Out{Writer: &b, Columns: 20, Live: true}.Progress()
	p.Show("正在巡检 1/34 filesystem", false)
	p.Clear()
	p.Clear()
	if got, want := b.String(), "\r\x1b[K正在巡检 1/34 file…\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
