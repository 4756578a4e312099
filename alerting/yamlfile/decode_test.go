package yamlfile

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type shop struct {
	Name    string            `yaml:"name"`
	Listen  string            `yaml:"listen"`
	Open    bool              `yaml:"open"`
	Shelves int               `yaml:"shelves"`
	Small   int8              `yaml:"small"`
	Rate    float64           `yaml:"rate"`
	Every   time.Duration     `yaml:"every"`
	Addr    netip.Addr        `yaml:"addr"`
	Tags    []string          `yaml:"tags"`
	Kinds   map[string]string `yaml:"kinds"`
	Goods   []good            `yaml:"goods"`
	Till    till              `yaml:"till"`
	Spare   *till             `yaml:"spare"`
	extra   `yaml:",inline"`
	Secret  string `yaml:"-"`
}

type good struct {
	ID    string `yaml:"id"`
	Price int    `yaml:"price"`
}

type till struct {
	Where   string        `yaml:"where"`
	Timeout time.Duration `yaml:"timeout"`
}

type extra struct {
	Note string `yaml:"note"`
}

func read(t *testing.T, text string) (shop, error) {
	t.Helper()
	s := shop{Name: "default", Tags: []string{"default"}, Till: till{Where: "front", Timeout: time.Second}}
	err := Decode("shop.yaml", []byte(text), &s, nil)
	return s, err
}

func TestDecode(t *testing.T) {
	got, err := read(t, `
name: 巡检   # a comment
open: true
shelves: 0x10
rate: 2
every: 1d2h
addr: 192.0.2.1
tags: [a, "b"]
kinds: {x: 1.10, y: z}
goods:
  - &apple {id: apple, price: 3}
  - *apple
till: {where: back}
spare:
  where: |
    in the
    cellar
note: hello
`)
	if err != nil {
		t.Fatal(err)
	}
	want := shop{
		Name: "巡检", Open: true, Shelves: 16, Rate: 2, Every: 26 * time.Hour, Addr: netip.MustParseAddr("192.0.2.1"),
		Tags: []string{"a", "b"}, Kinds: map[string]string{"x": "1.10", "y": "z"},
		Goods: []good{{"apple", 3}, {"apple", 3}}, Till: till{"back", time.Second},
		Spare: &till{Where: "in the\ncellar\n"}, extra: extra{"hello"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shop{}, extra{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDefaultsStay(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "till:\n", "tags:\n", "\ufeff# with a byte order mark\nopen: true\n", "---\nopen: true\n"} {
		got, err := read(t, text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got.Name != "default" || got.Till.Where != "front" || len(got.Tags) != 1 {
			t.Errorf("%q took the defaults away: %+v", text, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	const allowed = "allowed: name, listen, open, shelves, small, rate, every, addr, tags, kinds, goods, till, spare, note"
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "lisen: x\n", "shop.yaml:1:1: lisen: unknown key; did you mean listen?; " + allowed + "\n  1 | lisen: x\n      ^"},
		{"key far from any", "colour: x\n", "shop.yaml:1:1: colour: unknown key; " + allowed + "\n  1 | colour: x\n      ^"},
		{"key that is not for files", "Secret: x\n", "shop.yaml:1:1: Secret: unknown key; " + allowed + "\n  1 | Secret: x\n      ^"},
		{"nested", "till:\n  wehre: x\n", "shop.yaml:2:3: till.wehre: unknown key; did you mean where?; allowed: where, timeout\n  2 |   wehre: x\n        ^"},
		{"twice", "name: a\nname: b\n", "shop.yaml:2:1: name: the key stands twice; first in line 1\n  2 | name: b\n      ^"},
		{"text for truth", "open: yes\n", "shop.yaml:1:7: open: want true or false, got the text \"yes\"\n  1 | open: yes\n            ^"},
		{"truth for text", "name: true\n", "shop.yaml:1:7: name: want a text, got the truth value true; put it in quotes if it is meant as a text\n  1 | name: true\n            ^"},
		{"text for number", "shelves: many\n", "shop.yaml:1:10: shelves: want a whole number, got the text \"many\"\n  1 | shelves: many\n               ^"},
		{"broken number", "shelves: 1.5\n", "shop.yaml:1:10: shelves: want a whole number, got 1.5\n  1 | shelves: 1.5\n               ^"},
		{"too large", "small: 128\n", "shop.yaml:1:8: small: 128 is too large a number\n  1 | small: 128\n             ^"},
		{"list for text", "name: [a]\n", "shop.yaml:1:7: name: want a text, got a list\n  1 | name: [a]\n            ^"},
		{"text for list", "tags: a\n", "shop.yaml:1:7: tags: want a list, got the text \"a\"\n  1 | tags: a\n            ^"},
		{"keys for list", "goods: {id: a}\n", "shop.yaml:1:8: goods: want a list, got keys with values\n  1 | goods: {id: a}\n             ^"},
		{"list for keys", "till: [1]\n", "shop.yaml:1:7: till: want keys with values (where, timeout), got a list\n  1 | till: [1]\n            ^"},
		{"no value", "name:\n", "shop.yaml:1:7: name: has no value; want a text, or leave the key out\n  1 | name:\n           ^"},
		{"null duration", "every: ~\n", "shop.yaml:1:8: every: has no value; want a duration like 30s, 5m, 2h or 15d, or leave the key out\n  1 | every: ~\n             ^"},
		{"no unit", "every: 15\n", "shop.yaml:1:8: every: \"15\" has no unit; want a duration like 30s, 5m, 2h or 15d\n  1 | every: 15\n             ^"},
		{"negative", "every: -5m\n", "shop.yaml:1:8: every: \"-5m\" is negative; want a duration like 30s, 5m, 2h or 15d\n  1 | every: -5m\n             ^"},
		{"word for duration", "every: soon\n", "shop.yaml:1:8: every: \"soon\" is not a duration; want a duration like 30s, 5m, 2h or 15d\n  1 | every: soon\n             ^"},
		{"list for duration", "every: [1s]\n", "shop.yaml:1:8: every: want a duration like 30s, 5m, 2h or 15d, got a list\n  1 | every: [1s]\n             ^"},
		{"own text type", "addr: nowhere\n", "shop.yaml:1:7: addr: ParseAddr(\"nowhere\"): unable to parse IP\n  1 | addr: nowhere\n            ^"},
		{"in a list", "goods:\n  - id: a\n  - id: b\n    prise: 4\n", "shop.yaml:4:5: goods[1].prise: unknown key; did you mean price?; allowed: id, price\n  4 |     prise: 4\n          ^"},
		{"in a map", "kinds:\n  a b: [1]\n", "shop.yaml:2:8: kinds[\"a b\"]: want a text, got a list\n  2 |   a b: [1]\n             ^"},
		{"alias of nothing", "name: *nobody\n", "shop.yaml:1:7: name: alias *nobody has no anchor &nobody before it\n  1 | name: *nobody\n            ^"},
		{"alias of itself", "goods: &g\n  - *g\n", "shop.yaml:2:5: goods[0]: alias *g has no anchor &g before it\n  2 |   - *g\n          ^"},
		{"merge key", "till:\n  <<: {where: x}\n", "shop.yaml:2:3: till: merge keys (<<) are not supported; write the keys out, or use an alias for a whole value\n  2 |   <<: {where: x}\n        ^"},
		{"scalar file", "hello\n", "shop.yaml:1:1: want keys with values (name, listen, open, shelves, small, rate, every, addr, tags, kinds, goods, till, spare, note), got the text \"hello\"\n  1 | hello\n      ^"},
		{"two documents", "name: a\n---\nname: b\n", "shop.yaml:3:1: a second document (---) stands in the file; only one is allowed\n  3 | name: b\n      ^"},
		{"not YAML", "name: [a\n", "shop.yaml:1:7: not valid YAML: sequence end token ']' not found\n  1 | name: [a\n            ^"},
		{"not UTF-8", "name: a\nnote: \xd1\xb2\xbc\xec\n", "shop.yaml:2:1: this line is not valid UTF-8; save the file as UTF-8 (it may be GBK)"},
		{"too large a file", strings.Repeat("#", MaxBytes+1), fmt.Sprintf("shop.yaml: the file has %d bytes; at most %d are read", MaxBytes+1, MaxBytes)},
		{"far too large", "shelves: 99999999999999999999\n", "shop.yaml:1:10: shelves: 99999999999999999999 is too large a number\n  1 | shelves: 99999999999999999999\n               ^"},
		{"tab", "till:\n\twhere: x\n", "shop.yaml:2:1: not valid YAML: a tab indents this line; allowed: spaces\n  2 |  where: x\n      ^"},
		{"keys of a map", "kinds: [x]\n", "shop.yaml:1:8: kinds: want keys with values, got a list\n  1 | kinds: [x]\n             ^"},
		{"behind wide characters", "kinds: {中文: [1]}\n", "shop.yaml:1:13: kinds.中文: want a text, got a list\n  1 | kinds: {中文: [1]}\n                    ^"},
		{"all at once", "open: 1\nlisten: true\nevery: 1x\n",
			"shop.yaml:1:7: open: want true or false, got 1\n  1 | open: 1\n            ^\n" +
				"shop.yaml:2:9: listen: want a text, got the truth value true; put it in quotes if it is meant as a text\n  2 | listen: true\n              ^\n" +
				"shop.yaml:3:8: every: \"1x\" is not a duration; want a duration like 30s, 5m, 2h or 15d\n  3 | every: 1x\n             ^"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, c.text)
			if err == nil {
				t.Fatal("was accepted")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAliasesCannotBlowUp(t *testing.T) {
	doc := "goods:\n  - &a {id: x}\n" + strings.Repeat("  - *a\n", maxNodes/2)
	s := shop{}
	err := Decode("big.yaml", []byte(doc), &s, nil)
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 1 {
		t.Fatalf("want one problem, got %v", err)
	}
}

func TestMeaningIsPlaced(t *testing.T) {
	text := "goods:\n  - id: a\n  - price: 3\ntill:\n  where: x\n  timeout: soon\n"
	s := shop{}
	err := Decode("shop.yaml", []byte(text), &s, func() error {
		return errors.Join(
			errors.New("goods[1].id: is missing"),
			errors.Join(errors.New("goods[0].id: \"a\" is taken"), errors.New("name: is missing")),
			errors.New("till.timeout: is missing"), // follows from the mistake above
			errors.New("till: is odd"),             // around it
			errors.New("no path here"),
			fmt.Errorf("other file: %w", errors.New("x")),
		)
	})
	want := `shop.yaml:1:1: name: is missing
  1 | goods:
      ^
shop.yaml:1:1: no path here
  1 | goods:
      ^
shop.yaml:1:1: other file: x
  1 | goods:
      ^
shop.yaml:2:9: goods[0].id: "a" is taken
  2 |   - id: a
              ^
shop.yaml:3:5: goods[1].id: is missing
  3 |   - price: 3
          ^
shop.yaml:6:12: till.timeout: "soon" is not a duration; want a duration like 30s, 5m, 2h or 15d
  6 |   timeout: soon
                 ^`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMisspeltIsNotMissing: one mistake is one message.
func TestMisspeltIsNotMissing(t *testing.T) {
	s := shop{}
	err := Decode("shop.yaml", []byte("nam: x\n"), &s, func() error { return errors.New("name: is missing") })
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Path != "nam" {
		t.Errorf("want the misspelt key alone, got %v", err)
	}
}

func TestOtherFilesKeepTheirPlaces(t *testing.T) {
	s := shop{}
	err := Decode("z.yaml", []byte("open: 1\n"), &s, func() error {
		return Under("till", errors.Join(Decode("a.yaml", []byte("\nopen: 2\n"), &shop{}, nil), errors.New("where: is missing")))
	})
	var places []string
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	for _, p := range e.Problems {
		places = append(places, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Path))
	}
	if diff := cmp.Diff([]string{"z.yaml:1 till.where", "z.yaml:1 open", "a.yaml:2 open"}, places); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnder(t *testing.T) {
	err := Under("checks.host", errors.Join(errors.New("procfs: is gone"), errors.New("the whole is odd"), errors.New("[2].x: is missing")))
	want := "checks.host.procfs: is gone\nchecks.host: the whole is odd\nchecks.host[2].x: is missing"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if Under("x", nil) != nil {
		t.Error("no mistake became one")
	}
}

func TestNear(t *testing.T) {
	words := []string{"listen", "language", "zone", "url"}
	for word, want := range map[string]string{
		"lisen": "listen", "listne": "listen", "LISTEN": "listen", "langauge": "language",
		"zoen": "zone", "x": "", "something": "", "uri": "url", "": "",
	} {
		if got := Near(word, words); got != want {
			t.Errorf("Near(%q) = %q, want %q", word, got, want)
		}
	}
}

type password string

func (password) String() string { return "<secret>" }

// TestSecretsAreNotShown: a mistake with a secret, or beside one, does not
// bring it into a log.
func TestSecretsAreNotShown(t *testing.T) {
	var s struct {
		Name  string   `yaml:"name"`
		Token password `yaml:"token"`
	}
	for text, want := range map[string]string{
		"token: hunter2\n":                       "x.yaml:1:8: token: is too short",
		"token: [hunter2]\n":                     "x.yaml:1:8: token: want a text, got a list",
		"{nam: x, token: hunter2}\n":             "x.yaml:1:2: nam: unknown key; did you mean name?; allowed: name, token\nx.yaml:1:17: token: is too short",
		"name: x\ntoken: \"hunter2\"":            "x.yaml:2:8: token: is too short",
		"nam: https://u:hunter2@x/\ntoken: long": "x.yaml:1:1: nam: unknown key; did you mean name?; allowed: name, token\nx.yaml:2:8: token: is too short",
	} {
		err := Decode("x.yaml", []byte(text), &s, func() error { return errors.New("token: is too short") })
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"name: a\n", "goods:\n- &a {id: *a}\n", "till: {where: [}\n", "? [a]\n: b\n", "&x *x : 1", "- - - -", "name: !!binary x\n", "*a : b\n", "<<: *x\n", "a: |\n", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s shop
		err := Decode("fuzz.yaml", []byte(text), &s, func() error { return errors.New("goods[0].id: is odd") })
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) == 0 {
			t.Fatalf("%q: want problems, got %v", text, err)
		}
		_ = err.Error()
	})
}
