package platform

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks/credential"
)

const maxRedirects = 10

// errRedirect is why a redirect was not followed.
var errRedirect = errors.New("redirect not followed")

// walk is one visit to pages, while it is made.
type walk struct {
	*visit
	h         HTTP
	client    *http.Client
	transport *http.Transport
	vars      map[string]string
	step      string
	policy    string // of redirects, in this step

	redirects int
	last      *http.Response
	body      []byte
	length    int64
	regex     bool // a text did not fit
	whole     *bool
	took      []time.Duration
}

// walk takes the steps in turn; the first that fails ends it.
func (v *visit) walk(ctx context.Context, h HTTP) error {
	w := &walk{visit: v, h: h, vars: map[string]string{}}
	if err := w.open(); err != nil {
		return err
	}
	defer w.transport.CloseIdleConnections()
	var err error
	for i, s := range h.Steps {
		w.step = strconv.Itoa(i + 1)
		if s.Name != "" {
			w.step += " (" + s.Name + ")"
		}
		began := time.Now()
		err = w.take(ctx, s)
		w.took = append(w.took, time.Since(began))
		if err != nil {
			var f *fault
			if errors.As(err, &f) && len(h.Steps) > 1 {
				f.step = w.step
			}
			break
		}
	}
	w.measureHTTP()
	if w.last != nil {
		w.status = "HTTP " + strconv.Itoa(w.last.StatusCode)
	}
	return err
}

func (w *walk) open() error {
	cfg, err := w.secure(w.h.TLS)
	if err != nil {
		return err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return &untried{err}
	}
	w.transport = &http.Transport{
		DialContext: w.dial, TLSClientConfig: cfg, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 256 << 10,
		Protocols: &http.Protocols{},
	}
	w.transport.Protocols.SetHTTP1(true)
	w.transport.Protocols.SetHTTP2(w.h.HTTP2 != "off")
	if w.h.Proxy != "" {
		proxy, err := url.Parse(w.h.Proxy)
		if err != nil {
			return &untried{err}
		}
		w.transport.Proxy = http.ProxyURL(proxy)
	}
	w.client = &http.Client{Transport: w, Jar: jar, CheckRedirect: w.redirect}
	return nil
}

// RoundTrip sends one request, redirects among them.
func (w *walk) RoundTrip(r *http.Request) (*http.Response, error) {
	w.expect(r.URL.Hostname())
	w.note("%s %s", r.Method, r.URL)
	return w.transport.RoundTrip(r)
}

func (w *walk) redirect(r *http.Request, via []*http.Request) error {
	switch {
	case w.policy == "none":
		return http.ErrUseLastResponse
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w: more than %d of them", errRedirect, maxRedirects)
	case w.policy == "same_host" && r.URL.Host != via[0].URL.Host:
		return fmt.Errorf("%w: it leads to another host, %s", errRedirect, r.URL.Host)
	}
	w.redirects++
	return nil
}

// traced returns ctx with what tells the phases apart. Requests of a visit
// come one after another, so that one clock is enough.
func (w *walk) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { w.enter(phaseTLS) },
		TLSHandshakeDone: func(cs tls.ConnectionState, err error) {
			w.leave(phaseTLS)
			if err == nil {
				w.note("%s, %s", tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite))
			}
		},
		GotConn: func(httptrace.GotConnInfo) { w.enter(phaseProcessing) },
		GotFirstResponseByte: func() {
			w.leave(phaseProcessing)
			w.enter(phaseTransfer)
		},
	})
}

// take makes one step and holds the answer against what it should be.
func (w *walk) take(ctx context.Context, s Step) error {
	r, err := w.request(w.traced(ctx), s)
	if err != nil {
		return err
	}
	w.policy, w.body, w.excerpt = s.Redirects, nil, ""
	resp, err := w.client.Do(r)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		if errors.Is(err, errRedirect) {
			w.last = resp
			return newFault("probe.redirects", classContent, phaseProcessing, unwrapURL(err))
		}
		return w.ended(unwrapURL(err))
	}
	defer resp.Body.Close()
	w.last = resp
	w.note("%s %s", resp.Proto, resp.Status)
	if err := w.read(resp); err != nil {
		return talkFault(phaseTransfer, err)
	}
	return w.compare(s, resp)
}

// ended is what an error of a request comes to. net/http may give up before the
// dialling does that it began.
func (w *walk) ended(err error) error {
	out := talkFault(w.stuck(), err)
	if f, ok := out.(*fault); ok && f.code == "probe.timeout" {
		switch f.phase {
		case phaseResolve:
			return cannot("the name servers of this machine do not answer: %w", err)
		case phaseConnect:
			return connectFault(w.peer(), err)
		}
	}
	return out
}

// unwrapURL takes off the address, which may hold what is secret.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (w *walk) read(resp *http.Response) error {
	w.enter(phaseTransfer)
	b, err := io.ReadAll(io.LimitReader(resp.Body, w.h.MaxBody))
	w.body, w.length = b, int64(len(b))
	if err == nil && w.length == w.h.MaxBody {
		var more int64
		more, err = io.CopyN(io.Discard, resp.Body, 1)
		w.length += more
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	w.leave(phaseTransfer)
	w.note("%d bytes of content", w.length)
	w.excerpt = headOf(resp) + "\n" + excerptOf(b)
	return err
}

// request makes the request of a step, with captured values and secrets.
func (w *walk) request(ctx context.Context, s Step) (*http.Request, error) {
	method, body := cmp.Or(s.Method, http.MethodGet), w.expand(s.Body)
	if len(s.Form) > 0 {
		method = cmp.Or(s.Method, http.MethodPost)
		form := url.Values{}
		for _, f := range s.Form {
			value := w.expand(f.Value)
			if f.File != "" {
				secret, err := w.secret(f.File)
				if err != nil {
					return nil, err
				}
				value = secret.Reveal()
				w.hide(credential.Secret(url.QueryEscape(value)))
			}
			form.Add(f.Name, value)
		}
		body = form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, w.expandURL(s.URL), strings.NewReader(body))
	if err != nil {
		return nil, newFault("probe.capture", classContent, phaseProcessing, errors.New("the captured value makes no URL"))
	}
	if body == "" {
		r.Body, r.GetBody = http.NoBody, nil
	}
	r.Header.Set("User-Agent", "Xunjian")
	if len(s.Form) > 0 {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range s.Headers {
		if value = w.expand(value); strings.EqualFold(name, "host") {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	return r, w.login(r, s)
}

func (w *walk) login(r *http.Request, s Step) error {
	switch {
	case s.Username != "":
		secret, err := w.secret(s.PasswordFile)
		if err != nil {
			return err
		}
		r.SetBasicAuth(s.Username, secret.Reveal())
		w.hide(credential.Secret(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")))
	case s.BearerFile != "":
		secret, err := w.secret(s.BearerFile)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	}
	return nil
}

func (w *walk) expand(s string) string {
	if len(w.vars) == 0 || !strings.Contains(s, "${") {
		return s
	}
	return variable.ReplaceAllStringFunc(s, func(m string) string { return w.vars[m[2:len(m)-1]] })
}

// expandURL escapes what is put into a URL: a page's value is not to lead
// elsewhere.
func (w *walk) expandURL(s string) string {
	return variable.ReplaceAllStringFunc(s, func(m string) string {
		return url.QueryEscape(w.vars[m[2:len(m)-1]])
	})
}

func (w *walk) compare(s Step, resp *http.Response) error {
	right := resp.StatusCode >= 200 && resp.StatusCode < 300
	if len(s.Status) > 0 {
		right = slices.Contains(s.Status, resp.StatusCode)
	}
	if !right {
		class := classContent
		if resp.StatusCode >= 500 {
			class = classServer
		}
		f := newFault("probe.status", class, phaseAnswer, nil)
		f.args["status"], f.args["wanted"] = resp.StatusCode, wanted(s.Status)
		return f
	}
	if w.h.HTTP2 == "required" && resp.ProtoMajor != 2 {
		f := newFault("probe.http_version", classContent, phaseAnswer, nil)
		f.args["version"] = resp.Proto
		return f
	}
	text := string(w.body)
	if code, what := w.unfit(text, s.MustContain, s.MustNotContain, s.MustMatch, s.MustNotMatch); code != "" {
		w.regex = true
		f := newFault("probe."+code, classContent, phaseAnswer, nil)
		f.args["text"] = what
		return f
	}
	for name, expr := range s.Capture {
		m := w.exprs[expr].FindStringSubmatch(text)
		if m == nil {
			f := newFault("probe.capture", classContent, phaseAnswer, fmt.Errorf("nothing fits the expression of %s", name))
			return f
		}
		w.vars[name] = m[1]
		if len(m[1]) >= 6 { // shorter ones would blacken half of a page
			w.hide(credential.Secret(m[1]))
			w.hide(credential.Secret(url.QueryEscape(m[1])))
		}
	}
	if s.Integrity != nil {
		w.inspect(*s.Integrity)
	}
	return nil
}

func wanted(status []int) string {
	if len(status) == 0 {
		return "200–299"
	}
	var out []string
	for _, code := range status {
		out = append(out, strconv.Itoa(code))
	}
	return strings.Join(out, ", ")
}

// measureHTTP writes blackbox_exporter's figures; of what was not reached, 0.
func (w *walk) measureHTTP() {
	for phase, took := range w.spent(phaseResolve, phaseConnect, phaseTLS, phaseProcessing, phaseTransfer) {
		w.set(descHTTPDuration, took.Seconds(), phase)
	}
	w.set(descHTTPRedirects, float64(w.redirects))
	w.set(descRegex, truth(w.regex))
	var status, version, length, ssl float64
	if r := w.last; r != nil {
		status, length, ssl = float64(r.StatusCode), float64(r.ContentLength), truth(r.TLS != nil)
		version = float64(r.ProtoMajor) + float64(r.ProtoMinor)/10
		if at, err := http.ParseTime(r.Header.Get("Last-Modified")); err == nil {
			w.set(descHTTPLastModified, float64(at.Unix()))
		}
	}
	w.set(descHTTPStatus, status)
	w.set(descHTTPVersion, version)
	w.set(descHTTPLength, length)
	w.set(descHTTPBody, float64(w.length))
	w.set(descHTTPSSL, ssl)
	if len(w.h.Steps) > 1 {
		for i := range w.h.Steps {
			var took time.Duration
			if i < len(w.took) {
				took = w.took[i]
			}
			w.set(descStep, took.Seconds(), strconv.Itoa(i+1))
		}
	}
	if w.whole != nil {
		w.set(descWhole, truth(*w.whole))
	}
}
