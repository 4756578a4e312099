package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
)

// Fields are what the templates of the provider http can say. All are one line
// each.
type Fields struct {
	// Phone has + and the code of the country; National is as dialled on the
	// mainland.
	Phone, National string
	// Text is what to say, already cut to size. Sign is the name of the
	// signature, which is counted in the size and is not in Text.
	Text, Sign string
	// Key tells the notice from all others: 32 letters and digits, the same at
	// each attempt.
	Key string
	// Incident is the id of the incident, Lang the language of the text, Kind the
	// kind of event.
	Incident, Lang, Kind string
}

// templates are those of a request.
type templates struct{ url, body *template.Template }

func parse(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"json": quote}).Parse(text)
}

// quote is a text as JSON has it, with its quotation marks.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can always be written
	return strings.TrimRight(b.String(), "\n")
}

func fill(t *template.Template, f Fields) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, f); err != nil {
		return "", err
	}
	return b.String(), nil
}

// The samples that templates are tried with: one as usual, one with everything
// that could break out of its place.
func samples() (usual, hostile Fields) {
	usual = Fields{
		Phone: "+861055500100", National: "01055500100", Text: "IV 级 F03 INC-20260302-0001", Sign: "巡检", Key: "0123456789abcdef0123456789abcdef",
		Incident: "INC-20260302-0001", Lang: "zh-CN", Kind: "opened",
	}
	hostile = usual
	hostile.Text = `"\'&x=1&phone=2#?/ %00%26+<>{}[],:` + "`;|"
	return usual, hostile
}

// templates parses and tries the templates; address is the one in force.
func (c Config) templates(address string) (templates, error) {
	var errs []error
	add := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	keyURL := "url"
	if c.URLFile != "" {
		keyURL = "url_file"
	}
	var out templates
	var err error
	// What a template of a secret address says is a secret too.
	if out.url, err = parse("url", address); err != nil {
		if c.URLFile != "" {
			err = errors.New("what it holds is not a template")
		}
		add(keyURL, err)
	} else {
		add(keyURL, tryURL(out.url, c.URLFile != ""))
	}
	if out.body, err = parse("body", c.Body); err != nil {
		add("body", err)
	} else {
		add("body", tryBody(out.body, c.contentType()))
	}
	return out, errors.Join(errs...)
}

// tryURL checks that an address is one, and that no text gets out of its
// parameter.
func tryURL(t *template.Template, hidden bool) error {
	usual, hostile := samples()
	a, err := fill(t, usual)
	if err != nil {
		if hidden {
			return errors.New("what it holds is a template that fails")
		}
		return err
	}
	if err := post.Address(a); err != nil {
		return err
	}
	b, err := fill(t, hostile)
	if err != nil {
		return errors.New("is a template that fails on a strange text")
	}
	first, _ := url.Parse(a)
	second, err := url.Parse(b)
	if err != nil || first.Scheme != second.Scheme || first.Host != second.Host || first.Path != second.Path || second.Fragment != "" || !sameKeys(first.Query(), second.RawQuery) {
		return errors.New("lets a text out of its parameter; write {{urlquery .Text}}")
	}
	return nil
}

func sameKeys(want url.Values, query string) bool {
	got, err := url.ParseQuery(query)
	return err == nil && slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
}

// tryBody checks that a body is what it says it is, whatever the text.
func tryBody(t *template.Template, contentType string) error {
	usual, hostile := samples()
	a, err := fill(t, usual)
	if err != nil {
		return err
	}
	b, err := fill(t, hostile)
	if err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		if !json.Valid([]byte(a)) {
			return errors.New("does not come out as JSON; allowed: JSON with {{json .Text}} for a text, without quotation marks around it")
		}
		if !json.Valid([]byte(b)) || !sameShape(a, b) {
			return errors.New("lets a text out of its place; write {{json .Text}} without quotation marks around it")
		}
	case kind == "application/x-www-form-urlencoded":
		want, err := url.ParseQuery(a)
		if err != nil {
			return fmt.Errorf("does not come out as a form: %w", err)
		}
		if !sameKeys(want, b) {
			return errors.New("lets a text out of its field; write {{urlquery .Text}}")
		}
	}
	return nil
}

// sameShape reports whether two texts of JSON have the same keys in the same
// places.
func sameShape(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return alike(x, y)
}

func alike(x, y any) bool {
	switch x := x.(type) {
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, there := y[k]; !there || !alike(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := y.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !alike(x[i], y[i]) {
				return false
			}
		}
		return true
	case string:
		_, ok := y.(string)
		return ok
	}
	return true
}

// fields are those of a notice to a number.
func (c Config) fields(m channel.Message, to number, key string) Fields {
	f := Fields{
		Phone: to.e164(), National: to.national(), Sign: c.SignName, Key: key, Incident: channel.OneLine(m.Incident.ID), Lang: m.Lang, Kind: m.Kind,
	}
	if c.Kind == Voice {
		f.Text = c.speech(m)
	} else {
		f.Text = c.short(m)
	}
	return f
}
