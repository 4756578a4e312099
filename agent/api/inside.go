package api

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"xunjian/agent/access"
)

// insideKey marks requests that come from within the process. Nothing that
// arrives over a listener can carry it.
type insideKey struct{}

// Inside returns a client that calls the API's handler h directly, in the name
// of who: the console is a client of the API like any other, and can do no
// more than its user.
func Inside(h http.Handler, who access.Principal, lang string) *Client {
	return &Client{base: "http://xunjian" + Prefix, lang: lang, http: &http.Client{Transport: inside{h, who}}}
}

type inside struct {
	h   http.Handler
	who access.Principal
}

// RoundTrip answers a request by the handler.
func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := context.WithValue(r.Context(), insideKey{}, t.who)
	r = r.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	// A handler sees the path as a server would have parsed it.
	r.RequestURI = r.URL.RequestURI()
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	t.h.ServeHTTP(rec, r)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: rec.status, Status: http.StatusText(rec.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.header, Body: io.NopCloser(&rec.body), ContentLength: int64(rec.body.Len()), Request: r,
	}, nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.body.Write(b)
}
