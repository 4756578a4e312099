package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ErrUnreachable means that no agent answers.
var ErrUnreachable = errors.New("no agent answers")

// Client talks to an agent. It is safe for concurrent use.
type Client struct {
	base string
	lang string
	http *http.Client
}

// Dial returns a client of the agent on a unix socket, who is answered in
// lang. Nothing is sent yet.
func Dial(socket, lang string) *Client {
	var d net.Dialer
	return &Client{base: "http://xunjian" + Prefix, lang: lang, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			return conn, nil
		},
	}}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// maxAnswer bounds what the client reads of one answer, in bytes.
const maxAnswer = 256 << 20

// Call makes one request and decodes the answer into out (nil: there is
// none). It returns an *Error when the API refuses.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return refusalOf(resp)
	}
	if out == nil {
		return nil
	}
	if b, ok := out.(*[]byte); ok {
		*b, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return err
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	u := c.base + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Language", c.lang)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

// refusalOf reads the error of an answer.
func refusalOf(resp *http.Response) error {
	var body struct{ Error *Error }
	err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&body)
	if err != nil || body.Error == nil {
		return &Error{Status: resp.StatusCode, Code: "internal", Message: resp.Status}
	}
	body.Error.Status = resp.StatusCode
	return body.Error
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	err := c.Call(ctx, http.MethodGet, path, query, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	err := c.Call(ctx, http.MethodPost, path, nil, in, &out)
	return out, err
}

// Status returns the agent at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/status", nil)
}

// Checks returns every check.
func (c *Client) Checks(ctx context.Context) (CheckList, error) {
	return get[CheckList](ctx, c, "/checks", nil)
}

// Check returns one check with its history.
func (c *Client) Check(ctx context.Context, name string) (CheckDetail, error) {
	return get[CheckDetail](ctx, c, "/checks/"+url.PathEscape(name), nil)
}

// RunCheck runs a check now.
func (c *Client) RunCheck(ctx context.Context, name string) (CheckRun, error) {
	return post[CheckRun](ctx, c, "/checks/"+url.PathEscape(name)+"/run", nil)
}

// Alerts returns the alerts that are pending, firing or lost.
func (c *Client) Alerts(ctx context.Context) (AlertList, error) {
	return get[AlertList](ctx, c, "/alerts", nil)
}

// AlertLog returns the alerts that changed within [from, to); zero times take
// the API's defaults.
func (c *Client) AlertLog(ctx context.Context, from, to time.Time, limit int) (AlertLog, error) {
	q := url.Values{}
	setTime(q, "from", from)
	setTime(q, "to", to)
	setNumber(q, "limit", limit)
	return get[AlertLog](ctx, c, "/alerts/log", q)
}

// Rules returns every rule.
func (c *Client) Rules(ctx context.Context) (RuleList, error) {
	return get[RuleList](ctx, c, "/rules", nil)
}

// Backtest says when rules would have fired.
func (c *Client) Backtest(ctx context.Context, in BacktestRequest) (BacktestReport, error) {
	return post[BacktestReport](ctx, c, "/rules/backtest", in)
}

// Users returns every account.
func (c *Client) Users(ctx context.Context) (UserList, error) {
	return get[UserList](ctx, c, "/users", nil)
}

// AddUser makes an account.
func (c *Client) AddUser(ctx context.Context, in NewUser) (User, error) {
	return post[User](ctx, c, "/users", in)
}

// ChangeUser changes one thing of an account.
func (c *Client) ChangeUser(ctx context.Context, name string, in UserChange) (User, error) {
	var out User
	err := c.Call(ctx, http.MethodPatch, "/users/"+url.PathEscape(name), nil, in, &out)
	return out, err
}

// Tokens returns every token, without its secret.
func (c *Client) Tokens(ctx context.Context) (TokenList, error) {
	return get[TokenList](ctx, c, "/tokens", nil)
}

// AddToken makes a token; its secret is shown this once.
func (c *Client) AddToken(ctx context.Context, in NewToken) (IssuedToken, error) {
	return post[IssuedToken](ctx, c, "/tokens", in)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, nil, nil)
}

// Plan returns the plan in force.
func (c *Client) Plan(ctx context.Context) (Plan, error) {
	return get[Plan](ctx, c, "/plan", nil)
}

// Scenario returns a scenario with its playbook.
func (c *Client) Scenario(ctx context.Context, id string) (Scenario, error) {
	return get[Scenario](ctx, c, "/plan/scenarios/"+url.PathEscape(id), nil)
}

// IncidentFilter selects incidents; zero fields do not restrict.
type IncidentFilter struct {
	States        []string
	Code, Text    string
	From, To      time.Time
	Limit, Offset int
}

// Incidents returns a page of incidents, newest first.
func (c *Client) Incidents(ctx context.Context, f IncidentFilter) (IncidentList, error) {
	q := url.Values{}
	for _, s := range f.States {
		q.Add("state", s)
	}
	setWord(q, "code", f.Code)
	setWord(q, "q", f.Text)
	setTime(q, "from", f.From)
	setTime(q, "to", f.To)
	setNumber(q, "limit", f.Limit)
	setNumber(q, "offset", f.Offset)
	return get[IncidentList](ctx, c, "/incidents", q)
}

// Incident returns an incident with its playbook.
func (c *Client) Incident(ctx context.Context, id string) (IncidentDetail, error) {
	return get[IncidentDetail](ctx, c, incidentPath(id, ""), nil)
}

// Response returns what is due, what was done and what is suggested.
func (c *Client) Response(ctx context.Context, id string) (Response, error) {
	return get[Response](ctx, c, incidentPath(id, "response"), nil)
}

// Explain says where everything about an incident comes from.
func (c *Client) Explain(ctx context.Context, id string) (Explanation, error) {
	return get[Explanation](ctx, c, incidentPath(id, "explain"), nil)
}

// Paper returns a document of an incident.
func (c *Client) Paper(ctx context.Context, id, kind string) (Paper, error) {
	return get[Paper](ctx, c, incidentPath(id, "documents/"+kind), nil)
}

// Timeline returns everything that happened to an incident.
func (c *Client) Timeline(ctx context.Context, id string) (Timeline, error) {
	return get[Timeline](ctx, c, incidentPath(id, "events"), nil)
}

// Evidence returns a snapshot as it was hashed.
func (c *Client) Evidence(ctx context.Context, id, eid string) ([]byte, error) {
	return get[[]byte](ctx, c, incidentPath(id, "evidence/"+url.PathEscape(eid)), nil)
}

// Open opens an incident on a person's report.
func (c *Client) Open(ctx context.Context, r Report) (Incident, error) {
	return post[Incident](ctx, c, "/incidents", r)
}

// Do carries out a command on an incident; its type says which.
func (c *Client) Do(ctx context.Context, id string, cmd any) (Incident, error) {
	word, err := commandWord(cmd)
	if err != nil {
		return Incident{}, err
	}
	return post[Incident](ctx, c, incidentPath(id, word), cmd)
}

// Verify walks the whole chain of events.
func (c *Client) Verify(ctx context.Context) (Verification, error) {
	return get[Verification](ctx, c, "/incidents/verify", nil)
}

// Reload makes the agent read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	return c.Call(ctx, http.MethodPost, "/reload", nil, nil, nil)
}

func incidentPath(id, rest string) string {
	p := "/incidents/" + url.PathEscape(id)
	if rest != "" {
		p += "/" + rest
	}
	return p
}

func setWord(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.Format(time.RFC3339Nano))
	}
}

func setNumber(q url.Values, name string, n int) {
	if n != 0 {
		q.Set(name, strconv.Itoa(n))
	}
}
