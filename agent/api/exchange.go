package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// raw is an answer that is not made of JSON values here.
type raw struct {
	kind   string // Content-Type
	body   []byte
	header map[string]string
}

// done is the answer of what has nothing to say.
type done struct{}

// streamed is the answer of a handler that has written everything itself.
type streamed struct{}

// respond writes what a handler answered.
func respond(c *call, answer any) error {
	switch a := answer.(type) {
	case streamed:
		return nil
	case done:
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	case raw:
		for name, value := range a.header {
			c.w.Header().Set(name, value)
		}
		c.w.Header().Set("Content-Type", a.kind)
		harden(c.w)
		c.w.Write(a.body) // a client that left has nobody to tell
		return nil
	}
	c.w.Header().Set("Content-Language", c.say.Lang())
	writeJSON(c.w, http.StatusOK, answer)
	return nil
}

// harden keeps a browser from taking an answer for something else.
func harden(w http.ResponseWriter) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept-Language")
}

// writeJSON writes v. What is hashed (the data of events) must arrive as it
// is, so nothing is escaped for HTML; nosniff makes that safe.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	harden(w)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

// readAll reads the body of a request that takes no parameters.
func readAll(c *call, v any) error {
	if err := c.params().close(); err != nil {
		return err
	}
	return read(c, v)
}

// read decodes the JSON body strictly: one value, no field we do not know.
func read(c *call, v any) error {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &failure{Status: http.StatusUnsupportedMediaType, Code: "not_json", Args: map[string]any{"type": c.Header.Get("Content-Type")}}
	}
	body, err := io.ReadAll(c.Body)
	if err != nil {
		return badBody(err, body, v)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return badBody(err, body, v)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badBody(errors.New("more than one value"), body, v)
	}
	if field, bad := badText(body); bad {
		return badField(http.StatusUnprocessableEntity, field, "bad_text")
	}
	return nil
}

// badBody says what is wrong with a body that was to become v, with the field
// where there is one.
func badBody(err error, body []byte, v any) error {
	f := &failure{Status: http.StatusBadRequest, Code: "bad_json", Args: map[string]any{"why": err.Error()}}
	wrong, when := (*json.UnmarshalTypeError)(nil), (*momentError)(nil)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return err
	case errors.As(err, &when):
		return badField(http.StatusBadRequest, badMoment(reflect.TypeOf(v), body), "bad_time", "value", when.value)
	case errors.As(err, &wrong):
		f.Code, f.Field = "wrong_type", wrong.Field
		if f.Field == "" {
			f.Field = badMoment(reflect.TypeOf(v), body)
		}
		f.Args = map[string]any{"field": f.Field, "want": jsonKind(wrong.Type.Kind().String()), "got": wrong.Value}
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		// encoding/json has no type for this error.
		f.Field, _ = strconv.Unquote(strings.TrimPrefix(err.Error(), "json: unknown field "))
		f.Code, f.Args = "unknown_field", map[string]any{"field": f.Field}
	case errors.Is(err, io.EOF):
		f.Args["why"] = "the body is empty"
	}
	return f
}

func jsonKind(goKind string) string {
	switch {
	case strings.HasPrefix(goKind, "int"), strings.HasPrefix(goKind, "uint"), strings.HasPrefix(goKind, "float"):
		return "number"
	case goKind == "bool":
		return "boolean"
	case goKind == "slice":
		return "array"
	case goKind == "map", goKind == "struct":
		return "object"
	}
	return goKind
}
