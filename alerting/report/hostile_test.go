package report_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/report"
)

const (
	wordNS    = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	typesHead = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>`
)

// member is one file in a .docx.
type member struct{ name, content string }

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// small is a .docx with this body, and more members.
func small(t testing.TB, body string, more ...member) []byte {
	t.Helper()
	return pack(t, append([]member{
		{"[Content_Types].xml", typesHead + `</Types>`},
		{"word/document.xml", `<w:document ` + wordNS + `><w:body>` + body + `</w:body></w:document>`},
	}, more...)...)
}

func TestFillRefusesHostileFiles(t *testing.T) {
	filled := func(document string) []byte {
		return pack(t, member{"[Content_Types].xml", typesHead + `</Types>`}, member{"word/document.xml", document})
	}
	p := `<w:p><w:r><w:t>{{id}}</w:t></w:r></w:p>`
	var bomb strings.Builder
	for range 9 {
		bomb.WriteString(strings.Repeat("\x00", 16<<20))
	}
	encrypted := small(t, p)
	at := bytes.Index(encrypted, []byte("PK\x01\x02")) + 8 // flags in the central directory
	encrypted[at] |= 1
	damaged := small(t, p, member{"word/media/a.png", strings.Repeat("picture", 100)})
	damaged[bytes.Index(damaged, []byte("word/media/a.png"))+len("word/media/a.png")+3] ^= 0xFF
	for _, c := range []struct {
		what string
		file []byte
		want string
	}{
		{"no zip", []byte("a letter"), "not a .docx: zip: not a valid zip file"},
		{"nothing", nil, "not a .docx: zip: not a valid zip file"},
		{"old .doc", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "this is an old .doc or has a password"},
		{"too large", make([]byte, 32<<20+1), "the file has 33554433 bytes; at most 33554432 are read"},
		{"any zip", pack(t, member{"a", "b"}), "not a .docx: it has no [Content_Types].xml"},
		{"no text", pack(t, member{"[Content_Types].xml", "<Types/>"}), "not a .docx: it has no text"},
		{"text missing", pack(t, member{"[Content_Types].xml", typesHead + "</Types>"}), "word/document.xml is missing"},
		{"way out", small(t, p, member{"../../etc/cron.d/x", ""}), `the member "../../etc/cron.d/x" has a name that leads out of the file`},
		{"way out, Windows", small(t, p, member{`word\..\..\x`, ""}), "leads out of the file"},
		{"from the root", small(t, p, member{"/etc/passwd", ""}), "leads out of the file"},
		{"member twice", small(t, p, member{"word/Document.xml", "<x/>"}), `the member "word/Document.xml" stands twice`},
		{"bomb", small(t, p, member{"word/media/a.png", bomb.String()}), "the file unpacks to over 134217728 bytes"},
		{"large part", filled(`<w:document ` + wordNS + `>` + strings.Repeat(" ", 8<<20) + `</w:document>`), "word/document.xml is missing, or larger than 8388608 bytes"},
		{"many members", small(t, p, many(4096)...), "the file holds 4098 members; at most 4096 are read"},
		{"password", encrypted, "the file has a password"},
		{"damaged picture", damaged, "unpack word/media/a.png: "},
		{"signed", small(t, p, member{"_xmlsignatures/sig1.xml", "<x/>"}), "the file is signed"},
		{"macros", small(t, p, member{"word/vbaProject.bin", ""}), "the file has macros"},
		{"entity", filled(`<!DOCTYPE d [<!ENTITY a "aaaa">]><w:document ` + wordNS + `>&a;</w:document>`), "word/document.xml: holds a document type"},
		{"unknown entity", small(t, `<w:p><w:t>&a;</w:t></w:p>`), "word/document.xml: not valid XML: "},
		{"broken XML", small(t, `<w:p>`), "word/document.xml: not valid XML: "},
		{"other encoding", filled(`<?xml version="1.0" encoding="GBK"?><w:document ` + wordNS + `/>`), "word/document.xml: not valid XML: "},
		{"deep", small(t, strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)), "word/document.xml: elements nest over 1000 deep"},
		{"unknown name", small(t, `<w:p><w:t>{{idd}}</w:t></w:p>`), "word/document.xml: unknown placeholder {{idd}}; did you mean {{id}}?"},
		{"unknown name, hostile", small(t, "<w:p><w:t>{{\u202e"+strings.Repeat("x", 99)+"}}</w:t></w:p>"), "unknown placeholder {{" + strings.Repeat("x", 40) + "…}}; allowed: id"},
		{"no end", small(t, `<w:p><w:t>{{id</w:t></w:p><w:p><w:t>}}</w:t></w:p>`), `a placeholder begins at "{{id" and does not end with }} in the same paragraph`},
		{"over a break", small(t, `<w:p><w:t>{{i</w:t><w:br/><w:t>d}}</w:t></w:p>`), "a placeholder begins at"},
		{"three braces", small(t, `<w:p><w:t>{{{id}}}</w:t></w:p>`), "a placeholder begins at"},
		{"empty name", small(t, `<w:p><w:t>{{}}</w:t></w:p>`), "unknown placeholder {{}}; allowed: id"},
	} {
		t.Run(c.what, func(t *testing.T) {
			out, err := report.Fill(c.file, map[string]string{"id": "1"})
			if err == nil || !strings.HasPrefix(err.Error(), "fill the letter: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if out != nil {
				t.Error("a file came back beside the error")
			}
		})
	}
}

func many(n int) []member {
	var out []member
	for i := range n {
		out = append(out, member{fmt.Sprintf("a/%d", i), ""})
	}
	return out
}

func TestFilledValuesCannotGrowWithoutEnd(t *testing.T) {
	file := small(t, `<w:p><w:t>`+strings.Repeat("{{id}}", 40)+`</w:t></w:p>`)
	_, err := report.Fill(file, map[string]string{"id": strings.Repeat("a", 1<<20)})
	if err == nil || !strings.Contains(err.Error(), "the values fill over 33554432 bytes") {
		t.Errorf("got %v", err)
	}
}

// TestFillChangesOnlyThePlaceholder compares the part before and after,
// byte for byte.
func TestFillChangesOnlyThePlaceholder(t *testing.T) {
	for _, c := range []struct{ what, body, value, want string }{
		{"plain", `<w:p><w:r><w:t xml:space="preserve">a {{id}} b</w:t></w:r></w:p>`, "1", `<w:p><w:r><w:t xml:space="preserve">a 1 b</w:t></w:r></w:p>`},
		{"space is kept from now on", `<w:p><w:t>{{id}} b</w:t></w:p>`, "", `<w:p><w:t xml:space="preserve"> b</w:t></w:p>`},
		{"references around stay as written", `<w:p><w:t xml:space='preserve'>&#x4E2D;&amp;{{id}}&#25;&lt;</w:t></w:p>`, "1", ""},
		{"references around", `<w:p><w:t xml:space='preserve'>&#x4E2D;&amp;{{id}}&#x4E2D;&lt;</w:t></w:p>`, "1", `<w:p><w:t xml:space='preserve'>&#x4E2D;&amp;1&#x4E2D;&lt;</w:t></w:p>`},
		{"braces as references", `<w:p><w:t xml:space="preserve">&#123;&#x7B;id&#125;}</w:t></w:p>`, "1", `<w:p><w:t xml:space="preserve">1</w:t></w:p>`},
		{"over three runs", `<w:p><w:r><w:t xml:space="preserve">a{</w:t></w:r><w:proofErr w:type="x"/><w:r><w:t xml:space="preserve">{i</w:t></w:r><!-- c --><w:r><w:t xml:space="preserve">d}} b</w:t></w:r></w:p>`, "1",
			`<w:p><w:r><w:t xml:space="preserve">a1</w:t></w:r><w:proofErr w:type="x"/><w:r><w:t xml:space="preserve"></w:t></w:r><!-- c --><w:r><w:t xml:space="preserve"> b</w:t></w:r></w:p>`},
		{"two in one run", `<w:p><w:t xml:space="preserve">{{id}}{{id}}, {{ ID }}</w:t></w:p>`, "1", `<w:p><w:t xml:space="preserve">11, 1</w:t></w:p>`},
		{"two over one border", `<w:p><w:t xml:space="preserve">{{id}}{{</w:t><w:t xml:space="preserve">id}}</w:t></w:p>`, "1", `<w:p><w:t xml:space="preserve">11</w:t><w:t xml:space="preserve"></w:t></w:p>`},
		{"meta characters", `<w:p><w:t xml:space="preserve">{{id}}</w:t></w:p>`, `<w:t>&"'>`, `<w:p><w:t xml:space="preserve">&lt;w:t&gt;&amp;&#34;&#39;&gt;</w:t></w:p>`},
		{"control characters", `<w:p><w:t xml:space="preserve">{{id}}</w:t></w:p>`, "a\x00\x1b\tb\u202e\uffff\x7f\u0085\xff", "<w:p><w:t xml:space=\"preserve\">a b�</w:t></w:p>"},
		{"lines", `<w:p><w:t xml:space="preserve">{{id}}</w:t></w:p>`, "a\r\nb\n", `<w:p><w:t xml:space="preserve">a</w:t><w:br/><w:t xml:space="preserve">b</w:t><w:br/><w:t xml:space="preserve"></w:t></w:p>`},
		{"not filled twice", `<w:p><w:t xml:space="preserve">{{id}}</w:t></w:p>`, "{{id}}", `<w:p><w:t xml:space="preserve">{{id}}</w:t></w:p>`},
		{"CDATA", `<w:p><w:t xml:space="preserve"><![CDATA[<{{id}}>]]></w:t></w:p>`, "]]>&", `<w:p><w:t xml:space="preserve"><![CDATA[<]]>]]&gt;&amp;<![CDATA[>]]></w:t></w:p>`},
		{"a text box in a paragraph", `<w:p><w:t xml:space="preserve">{{</w:t><w:p><w:t xml:space="preserve">{{id}}</w:t></w:p><w:t xml:space="preserve">id}}</w:t></w:p>`, "1", `<w:p><w:t xml:space="preserve">1</w:t><w:p><w:t xml:space="preserve">1</w:t></w:p><w:t xml:space="preserve"></w:t></w:p>`},
		{"other prefix", `<x:p xmlns:x="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><x:t>{{id}}</x:t></x:p>`, "a\nb", `<x:p xmlns:x="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><x:t xml:space="preserve">a</x:t><x:br/><x:t xml:space="preserve">b</x:t></x:p>`},
		{"deleted text, field codes, other names", `<w:p><w:delText>{{a}}</w:delText><w:instrText>{{b}}</w:instrText><v:t xmlns:v="v">{{c}}</v:t></w:p>`, "1", `<w:p><w:delText>{{a}}</w:delText><w:instrText>{{b}}</w:instrText><v:t xmlns:v="v">{{c}}</v:t></w:p>`},
	} {
		t.Run(c.what, func(t *testing.T) {
			out, err := report.Fill(small(t, c.body), map[string]string{"id": c.value})
			if c.want == "" {
				if err == nil {
					t.Error("a reference to no character was accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := members(t, small(t, c.want))["word/document.xml"]
			if diff := cmp.Diff(string(want), string(members(t, out)["word/document.xml"])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzFill feeds parts and whole files. What is filled must stay XML, keep its
// other members and not have one placeholder left.
func FuzzFill(f *testing.F) {
	f.Add([]byte(`<w:p><w:t>{{id}}</w:t></w:p>`), "1\n2")
	f.Add([]byte(`<w:p><w:r><w:t>{</w:t></w:r><w:t>{i&#100;}}</w:t></w:p>`), "<&>")
	f.Add([]byte(`<w:p><w:t a="{{id}}" xml:space="default"><![CDATA[{{id}}]]>{{<!-- -->id}}</w:t></w:p>`), "]]>")
	f.Add([]byte(`<w:p><w:t>｛｛id｝｝</w:t><w:br/><w:t/></w:p><w:t>{{id}}</w:t>`), "\x00\xff")
	f.Add(small(f, `<w:p><w:t>{{id}}</w:t></w:p>`), "1")
	f.Fuzz(func(t *testing.T, b []byte, value string) {
		values := map[string]string{"id": value, "事件编号": value}
		if out, err := report.Fill(b, values); err == nil {
			if _, err := zip.NewReader(bytes.NewReader(out), int64(len(out))); err != nil {
				t.Fatalf("what was filled is no zip: %v", err)
			}
		}
		const other = "stays {{id}}"
		file := small(t, string(b), member{"word/media/a.txt", other})
		out, err := report.Fill(file, values)
		if err != nil {
			if out != nil {
				t.Fatal("a file came back beside the error")
			}
			return
		}
		parts := members(t, out)
		document := parts["word/document.xml"]
		if err := walkXML(document); err != nil {
			t.Fatalf("no XML any more: %v\n%s", err, document)
		}
		if !utf8.Valid(document) || string(parts["word/media/a.txt"]) != other {
			t.Fatalf("damaged: %q", parts)
		}
		again, err := report.Fill(out, values)
		if strings.ContainsAny(value, "{}｛｝") {
			return
		}
		if err != nil {
			t.Fatalf("a second time: %v\n%s", err, document)
		}
		if !bytes.Equal(members(t, again)["word/document.xml"], document) {
			t.Fatalf("a placeholder was left\n%s", document)
		}
	})
}
