package gateway

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// The forms of the clouds are data: one file for each provider and kind.
//
//go:embed forms/*.yaml
var forms embed.FS

// form is how a cloud wants to be asked for one thing, and how it answers.
type form struct {
	// Signature is the algorithm, acs3 or tc3.
	Signature string `yaml:"signature"`
	Host      string `yaml:"host"`
	Service   string `yaml:"service"`
	Action    string `yaml:"action"`
	Version   string `yaml:"version"`
	// Region is the one to ask where none is configured; empty: it takes none.
	Region string `yaml:"region"`
	// Carry says where the parameters stand: query or json.
	Carry string `yaml:"carry"`
	// Needs are the keys of the configuration that must be there.
	Needs []string `yaml:"needs"`
	// Phone is how numbers are written: national or e164.
	Phone string `yaml:"phone"`
	// Params is how the template's are given: as an object in a text, by name, or
	// as a list, by place.
	Params string `yaml:"params"`
	// ParamChars bounds each of the template's, KeyChars the id of a notice.
	ParamChars int         `yaml:"param_chars"`
	KeyChars   int         `yaml:"key_chars"`
	Parameters []parameter `yaml:"parameters"`

	// Code and Message are where an answer may have them, the first that is
	// there counts.
	Code      []string    `yaml:"code"`
	Message   []string    `yaml:"message"`
	Success   successForm `yaml:"success"`
	Retry     []retryRule `yaml:"retry"`
	Permanent []string    `yaml:"permanent"`
}

type parameter struct {
	Name string `yaml:"name"`
	From string `yaml:"from"`
	// As is list for one value in a list.
	As       string `yaml:"as"`
	Optional bool   `yaml:"optional"`
}

// successForm is a field that has to have a value; without Equals, any.
type successForm struct {
	Field  string `yaml:"field"`
	Equals string `yaml:"equals"`
}

// retryRule is a code that asks for patience. A * at its end stands for
// anything.
type retryRule struct {
	Code  string        `yaml:"code"`
	Says  string        `yaml:"says"`
	After time.Duration `yaml:"after"`
}

// formOf reads the form of a provider and a kind.
func formOf(provider, kind string) (form, error) {
	raw, err := forms.ReadFile("forms/" + provider + "-" + kind + ".yaml")
	if err != nil {
		return form{}, fmt.Errorf("there is no form of %s for %s", provider, kind)
	}
	var f form
	if err := yaml.UnmarshalWithOptions(raw, &f, yaml.Strict()); err != nil {
		return form{}, fmt.Errorf("form of %s for %s: %w", provider, kind, err)
	}
	return f, nil
}

// values are what the parameters are filled with, but for the template's own.
func (f form) values(c Config, to number, key string) map[string]string {
	phone := to.e164()
	if f.Phone == "national" {
		phone = to.national()
	}
	return map[string]string{
		"phone": phone, "sign_name": c.SignName, "template_id": c.TemplateID, "app_id": c.AppID, "show_number": c.ShowNumber,
		"key": key[:min(len(key), f.KeyChars)],
	}
}

// request is one as a client sends it.
type request struct {
	method  string
	address url.URL
	header  http.Header
	body    []byte
}

// request is what asks for params to be said to a number.
func (f form) request(c Config, to number, key string, params []param) (request, error) {
	base := c.Endpoint
	if base == "" {
		base = "https://" + f.Host
	}
	u, err := url.Parse(base)
	if err != nil {
		return request{}, fmt.Errorf("endpoint %q is not an address", base)
	}
	u.Path = "/"
	r := request{method: http.MethodPost, address: *u, header: http.Header{}}
	values := f.values(c, to, key)
	body := map[string]any{}
	for _, p := range f.Parameters {
		switch v := values[p.From]; {
		case p.From == "params":
			body[p.Name] = f.params(params)
		case v == "" && p.Optional:
		case p.As == "list":
			body[p.Name] = []string{v}
		default:
			body[p.Name] = v
		}
	}
	if f.Carry == "json" {
		r.header.Set("Content-Type", "application/json; charset=utf-8")
		r.body, err = json.Marshal(body)
		return r, err
	}
	query := url.Values{}
	for name, v := range body {
		text, ok := v.(string)
		if !ok {
			return request{}, fmt.Errorf("parameter %s of %s is no text", name, f.Action)
		}
		query.Set(name, text)
	}
	// As it is signed, so it is sent.
	r.address.RawQuery = canonicalQuery(query)
	return r, nil
}

// params are those of the template as this form gives them.
func (f form) params(params []param) any {
	if f.Params == "list" {
		out := []string{}
		for _, p := range params {
			out = append(out, p.value)
		}
		return out
	}
	var out strings.Builder
	for i, p := range params {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(quote(p.name) + ":" + quote(p.value))
	}
	return "{" + out.String() + "}"
}
