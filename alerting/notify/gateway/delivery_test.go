package gateway_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/gateway"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

const (
	keyID  = "LTAI-of-a-test"
	secret = "a secret of the test"
	phone  = "010-5550-0101"
	// landlines are the numbers that gateways of the tests take.
	landlines = `^(\+86|0)10[0-9]{8}$`
)

var reader = roster.Person{ID: "wang", Name: "王芳", Phone: phone}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func often() []gateway.Limit { return []gateway.Limit{{AtMost: 1000, In: time.Second}} }

// The worked examples of the clouds' own documents.
func TestSignatures(t *testing.T) {
	at, _ := time.Parse(time.RFC3339, "2023-10-26T10:22:32Z")
	got := gateway.SignACS3("https://ecs.cn-shanghai.aliyuncs.com/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
		"RunInstances", "2014-05-26", "YourAccessKeyId", "YourAccessKeySecret", at, "3156853299f313e23d1673dc12e1703d")
	if want := "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"; got != want {
		t.Errorf("ACS3: %s", got)
	}
	got = gateway.SignTC3("https://cvm.tencentcloudapi.com/", http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`, "cvm", "DescribeInstances", "2017-03-12",
		"AKID********************************", "********************************", time.Unix(1551113065, 0))
	if want := "TC3-HMAC-SHA256 Credential=AKID********************************/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"; got != want {
		t.Errorf("TC3: %s", got)
	}
}

// taken is what a gateway was asked for.
type taken struct{ id, phone, text string }

// desk is the other side: it takes what it is asked, or answers as answer says.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	taken  []taken
	answer func(w http.ResponseWriter) bool
}

func (d *desk) take(id, phone, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = append(d.taken, taken{id, phone, text})
}

func (d *desk) all() []taken { d.mu.Lock(); defer d.mu.Unlock(); return slices.Clone(d.taken) }

func serve(t *testing.T, h func(d *desk, w http.ResponseWriter, r *http.Request, body []byte)) *desk {
	t.Helper()
	d := &desk{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		d.mu.Lock()
		answer := d.answer
		d.mu.Unlock()
		if answer != nil && answer(w) {
			return
		}
		h(d, w, r, body)
	}))
	t.Cleanup(d.Server.Close)
	return d
}

// plainDesk is a gateway of one's own: a token in the header, JSON, a code in
// the answer.
func plainDesk(t *testing.T) *desk {
	return serve(t, func(d *desk, w http.ResponseWriter, r *http.Request, body []byte) {
		var in struct{ To, Text string }
		switch {
		case r.Header.Get("X-Token") != secret:
			http.Error(w, "no", http.StatusUnauthorized)
			return
		case json.Unmarshal(body, &in) != nil || in.To == "":
			fmt.Fprint(w, `{"code": "2001", "msg": "bad body"}`)
			return
		}
		d.take(r.Header.Get("Idempotency-Key"), in.To, in.Text)
		fmt.Fprint(w, `{"code": "0"}`)
	})
}

func plain(t *testing.T, address string) gateway.Config {
	return gateway.Config{
		Name: "own", Kind: gateway.SMS, Provider: gateway.HTTP, URL: address + "/send", Numbers: landlines, Limits: often(), Parts: 10, Text: []string{"subject", "text", "facts", "link"},
		HeaderFiles: []gateway.HeaderFile{{Name: "X-Token", File: file(t, secret)}},
		Body:        `{"to": {{json .Phone}}, "text": {{json .Text}}}`, Success: gateway.Success{Field: "code", Equals: "0", Retry: []string{"1*"}, Permanent: []string{"2001"}},
	}
}

func open(t *testing.T, cfg gateway.Config) *gateway.Gateway {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Place {
		d := plainDesk(t)
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		return notifytest.Place{
			Channel: open(t, plain(t, d.URL)), Refused: open(t, plain(t, gone.URL)), Silent: open(t, plain(t, "http://"+silent.Addr().String())),
			Person: reader, Identified: true, Secrets: []string{secret, "1055500101", phone},
			Arrived: func(*testing.T) []notifytest.Arrival {
				var out []notifytest.Arrival
				for _, one := range d.all() {
					// The signature's own brackets are not a text's to use.
					out = append(out, notifytest.Arrival{ID: one.id, Text: strings.NewReplacer("〔", "【", "〕", "】").Replace(one.text)})
				}
				return out
			},
		}
	})
}

// What the gateway answers: taken, again, or never.
func TestAnswers(t *testing.T) {
	d := plainDesk(t)
	g := open(t, plain(t, d.URL))
	m := notifytest.Message(notifytest.Place{Person: reader}, "zh-CN", 1)
	for _, c := range []struct {
		status    int
		body      string
		permanent bool
		after     time.Duration
	}{
		{200, `{"code": "1001", "msg": "busy"}`, false, 0}, {200, `{"code": "2001"}`, true, 0}, {200, `{"code": "9"}`, false, 0}, {200, ``, false, 0},
		{400, `{}`, true, 0}, {401, `{}`, false, 0}, {500, `{}`, false, 0}, {429, `{}`, false, 7 * time.Second},
	} {
		d.mu.Lock()
		d.answer = func(w http.ResponseWriter) bool {
			if c.after > 0 {
				w.Header().Set("Retry-After", "7")
			}
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
			return true
		}
		d.mu.Unlock()
		err := g.Deliver(t.Context(), m)
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		if err == nil || errors.As(err, &permanent) != c.permanent || (errors.As(err, &after) && after.After != c.after) || c.after > 0 && after == nil {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
	}
	if n := len(d.all()); n != 0 {
		t.Errorf("%d were taken", n)
	}
}

// It is used for the events and levels that it is for, for people with a number
// that it takes, and never too often for one telephone.
func TestUse(t *testing.T) {
	d := plainDesk(t)
	cfg := plain(t, d.URL)
	cfg.Levels, cfg.Only, cfg.Limits = []plan.Level{"I", "II"}, []string{"opened", "level_changed"}, nil
	g := open(t, cfg)
	m := notifytest.Message(notifytest.Place{Person: reader}, "zh-CN", 1)
	if err := g.Deliver(t.Context(), m); err != nil || len(d.all()) != 0 {
		t.Errorf("of level IV: %v, %v", err, d.all())
	}
	m.Incident.Level = "II"
	if err := g.Deliver(t.Context(), m); err != nil || len(d.all()) != 1 || d.all()[0].phone != "+861055500101" {
		t.Errorf("of level II: %v, %v", err, d.all())
	}
	m.Key += "x"
	var after *channel.RetryAfter
	if err := g.Deliver(t.Context(), m); !errors.As(err, &after) || after.After > 30*time.Second || strings.Contains(err.Error(), "55500101") {
		t.Errorf("at once again: %v", err)
	}
	for phone, want := range map[string]bool{phone: true, "+86 10 5550 0101": true, "0086-10-5550-0101": true, "+1 202 555 0101": false, "": false, "010-5550-010": false} {
		if g.Reaches(roster.Person{Phone: phone}) != want {
			t.Errorf("reaches %q: %v", phone, !want)
		}
	}
}

// A gateway that is told nothing takes mobile numbers of the mainland only. The
// one here is put together when the test runs, in a block that no carrier has.
func TestDefaultNumbers(t *testing.T) {
	cfg := plain(t, "http://127.0.0.1")
	cfg.Numbers = ""
	g := open(t, cfg)
	mobile := fmt.Sprintf("154%08d", 101)
	for phone, want := range map[string]bool{
		mobile: true, "+86 " + mobile: true, "0086-" + mobile: true, "86" + mobile: true, mobile[:3] + "-" + mobile[3:7] + " " + mobile[7:]: true,
		mobile[:10]: false, mobile + "0": false, "120" + mobile[3:]: false, phone: false, "+86 10 5550 0101": false,
	} {
		if g.Reaches(roster.Person{Phone: phone}) != want {
			t.Errorf("reaches %q: %v", phone, !want)
		}
	}
}

// The 0 of an area code is dialled within the country only.
func TestSpelled(t *testing.T) {
	mobile := fmt.Sprintf("154%08d", 101)
	for written, want := range map[string][2]string{
		phone:              {"+861055500101", "01055500101"},
		"+86 10 5550 0101": {"+861055500101", "01055500101"},
		"（010）５５５０－０１０１":   {"+861055500101", "01055500101"},
		"0086-" + mobile:   {"+86" + mobile, mobile},
		mobile:             {"+86" + mobile, mobile},
		"400-555-0101":     {"+864005550101", "4005550101"},
		"+1 202 555 0101":  {"+12025550101", "12025550101"},
	} {
		if e164, national := gateway.Spelled(written); e164 != want[0] || national != want[1] {
			t.Errorf("%s: %s and %s, want %v", written, e164, national, want)
		}
	}
}

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

func sign(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

// aliyun checks a request as Alibaba Cloud's document says: every signed header,
// the query in order, the time, and a nonce that was not there before.
func aliyun(t *testing.T) *desk {
	seen := map[string]bool{}
	return serve(t, func(d *desk, w http.ResponseWriter, r *http.Request, body []byte) {
		fail := func(code, message string) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"RequestId":"1","HostId":"dysmsapi.aliyuncs.com","Code":%q,"Message":%q}`, code, message)
		}
		auth := r.Header.Get("Authorization")
		_, signedHeaders, _ := strings.Cut(auth, "SignedHeaders=")
		signedHeaders, signature, _ := strings.Cut(signedHeaders, ",Signature=")
		at, err := time.Parse("2006-01-02T15:04:05Z", r.Header.Get("x-acs-date"))
		nonce := r.Header.Get("x-acs-signature-nonce")
		switch {
		case !strings.HasPrefix(auth, "ACS3-HMAC-SHA256 Credential="+keyID+","):
			fail("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
			return
		case err != nil || time.Since(at).Abs() > 15*time.Minute:
			fail("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
			return
		case nonce == "" || seen[nonce]:
			fail("SignatureNonceUsed", "Specified signature nonce was used already.")
			return
		}
		seen[nonce] = true
		var pairs []string
		for name, values := range r.URL.Query() {
			pairs = append(pairs, strings.ReplaceAll(url.QueryEscape(name), "+", "%20")+"="+strings.ReplaceAll(url.QueryEscape(values[0]), "+", "%20"))
		}
		slices.Sort(pairs)
		text := r.Method + "\n/\n" + strings.Join(pairs, "&") + "\n"
		for _, name := range strings.Split(signedHeaders, ";") {
			v := r.Header.Get(name)
			if name == "host" {
				v = r.Host
			}
			text += name + ":" + v + "\n"
		}
		text += "\n" + signedHeaders + "\n" + sum(body)
		if want := hex.EncodeToString(sign([]byte(secret), "ACS3-HMAC-SHA256\n"+sum([]byte(text)))); signature != want || r.Header.Get("x-acs-content-sha256") != sum(body) {
			fail("SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:"+text)
			return
		}
		q := r.URL.Query()
		var params map[string]string
		if r.Header.Get("x-acs-action") != "SendSms" || r.Header.Get("x-acs-version") != "2017-05-25" || q.Get("SignName") != "巡检" || q.Get("TemplateCode") != "SMS_1" || json.Unmarshal([]byte(q.Get("TemplateParam")), &params) != nil {
			fail("InvalidParameter", "The specified parameter is invalid.")
			return
		}
		d.take(q.Get("OutId"), q.Get("PhoneNumbers"), params["subject"]+"|"+params["level"])
		fmt.Fprint(w, `{"Message":"OK","RequestId":"1","Code":"OK","BizId":"1^0"}`)
	})
}

// tencent checks a request as Tencent Cloud's document says.
func tencent(t *testing.T) *desk {
	return serve(t, func(d *desk, w http.ResponseWriter, r *http.Request, body []byte) {
		fail := func(code, message string) {
			fmt.Fprintf(w, `{"Response":{"Error":{"Code":%q,"Message":%q},"RequestId":"1"}}`, code, message)
		}
		stamp := r.Header.Get("X-TC-Timestamp")
		var seconds int64
		fmt.Sscan(stamp, &seconds)
		day := time.Unix(seconds, 0).UTC().Format("2006-01-02")
		text := "POST\n/\n\ncontent-type:" + strings.ToLower(r.Header.Get("Content-Type")) + "\nhost:" + r.Host + "\nx-tc-action:" + strings.ToLower(r.Header.Get("X-TC-Action")) + "\n\ncontent-type;host;x-tc-action\n" + sum(body)
		signature := hex.EncodeToString(sign(sign(sign(sign([]byte("TC3"+secret), day), "sms"), "tc3_request"), "TC3-HMAC-SHA256\n"+stamp+"\n"+day+"/sms/tc3_request\n"+sum([]byte(text))))
		if r.Header.Get("Authorization") != "TC3-HMAC-SHA256 Credential="+keyID+"/"+day+"/sms/tc3_request, SignedHeaders=content-type;host;x-tc-action, Signature="+signature || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
			fail("AuthFailure.SignatureFailure", "The provided credentials could not be validated.")
			return
		}
		var in struct {
			PhoneNumberSet, TemplateParamSet                  []string
			SmsSdkAppId, SignName, TemplateId, SessionContext string
		}
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil || r.Header.Get("X-TC-Version") != "2021-01-11" || r.Header.Get("X-TC-Region") == "" || in.SmsSdkAppId != "1400" || in.SignName != "巡检" || in.TemplateId != "7" || len(in.PhoneNumberSet) != 1 {
			fail("InvalidParameter", fmt.Sprint(err))
			return
		}
		d.take(in.SessionContext, in.PhoneNumberSet[0], strings.Join(in.TemplateParamSet, "|"))
		fmt.Fprint(w, `{"Response":{"SendStatusSet":[{"SerialNo":"1","PhoneNumber":"+861055500101","Fee":1,"SessionContext":"","Code":"Ok","Message":"send success","IsoCode":"CN"}],"RequestId":"1"}}`)
	})
}

// The clouds take what is signed right; their errors, as they give them, say
// whether to try again.
func TestClouds(t *testing.T) {
	m := notifytest.Message(notifytest.Place{Person: reader}, "zh-CN", 1)
	for name, c := range map[string]struct {
		desk  *desk
		cfg   gateway.Config
		phone string
		fails map[string]string // the body: permanent, or how long to wait
	}{
		"aliyun": {aliyun(t), gateway.Config{SignName: "巡检", TemplateID: "SMS_1", Params: []string{"subject", "level"}}, "01055500101", map[string]string{
			`{"Message":"触发分钟级流控Permits:1","RequestId":"1","Code":"isv.BUSINESS_LIMIT_CONTROL"}`: "1m0s",
			`{"Message":"触发小时级流控Permits:5","RequestId":"1","Code":"isv.BUSINESS_LIMIT_CONTROL"}`: "20m0s",
			`{"Message":"触发天级流控Permits:40","RequestId":"1","Code":"isv.BUSINESS_LIMIT_CONTROL"}`: "1h0m0s",
			`{"Message":"invalid number","RequestId":"1","Code":"isv.MOBILE_NUMBER_ILLEGAL"}`:    "permanent",
			`{"Message":"no money","RequestId":"1","Code":"isv.AMOUNT_NOT_ENOUGH"}`:              "again",
			`{"Message":"flow","RequestId":"1","Code":"Throttling.User"}`:                        "10s",
		}},
		"tencent": {tencent(t), gateway.Config{SignName: "巡检", TemplateID: "7", AppID: "1400", Params: []string{"subject", "level"}}, "+861055500101", map[string]string{
			`{"Response":{"SendStatusSet":[{"Code":"LimitExceeded.PhoneNumberThirtySecondLimit","Message":"x"}],"RequestId":"1"}}`: "30s",
			`{"Response":{"SendStatusSet":[{"Code":"InvalidParameterValue.IncorrectPhoneNumber","Message":"x"}],"RequestId":"1"}}`: "permanent",
			`{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"x"},"RequestId":"1"}}`:                         "again",
			`{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"x"},"RequestId":"1"}}`:                                 "10s",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.cfg
			cfg.Name, cfg.Kind, cfg.Provider, cfg.Endpoint, cfg.Numbers, cfg.Limits = "cloud", gateway.SMS, name, c.desk.URL, landlines, often()
			cfg.AccessKeyID, cfg.AccessKeySecretFile = keyID, file(t, secret)
			g := open(t, cfg)
			for range 2 {
				if err := g.Deliver(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			got := c.desk.all()
			if len(got) != 2 || got[0].id == "" || got[0].id != got[1].id || got[0].phone != c.phone || !strings.Contains(got[0].text, "F03") || !strings.HasSuffix(got[0].text, "IV") {
				t.Errorf("taken: %+v", got)
			}
			wrong := cfg
			wrong.AccessKeySecretFile = file(t, "another")
			if err := open(t, wrong).Deliver(t.Context(), m); err == nil || errors.As(err, new(*channel.Permanent)) {
				t.Errorf("with another secret: %v", err)
			}
			for body, want := range c.fails {
				c.desk.mu.Lock()
				c.desk.answer = func(w http.ResponseWriter) bool { fmt.Fprint(w, body); return true }
				c.desk.mu.Unlock()
				err := g.Deliver(t.Context(), m)
				said := "again"
				var after *channel.RetryAfter
				switch {
				case err == nil:
					said = "delivered"
				case errors.As(err, new(*channel.Permanent)):
					said = "permanent"
				case errors.As(err, &after):
					said = after.After.String()
				}
				if said != want || err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s: %s (%v), want %s", body, said, err, want)
				}
			}
		})
	}
}

// A voice call is read aloud by a template of the cloud's.
func TestVoice(t *testing.T) {
	for provider, cfg := range map[string]gateway.Config{
		gateway.Aliyun:  {TemplateID: "TTS_1", Params: []string{"subject"}},
		gateway.Tencent: {TemplateID: "9", AppID: "1400", Params: []string{"subject"}},
	} {
		asked := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked <- r.Header.Get("x-acs-action") + r.Header.Get("X-TC-Action") + " " + r.URL.Query().Get("CalledNumber") + string(body)
			if provider == gateway.Aliyun {
				fmt.Fprint(w, `{"Code":"OK","Message":"OK","CallId":"1","RequestId":"1"}`)
				return
			}
			fmt.Fprint(w, `{"Response":{"SendStatus":{"CallId":"1","SessionContext":""},"RequestId":"1"}}`)
		}))
		cfg.Name, cfg.Kind, cfg.Provider, cfg.Endpoint, cfg.Numbers = "cloud", gateway.Voice, provider, server.URL, landlines
		cfg.AccessKeyID, cfg.AccessKeySecretFile = keyID, file(t, secret)
		g := open(t, cfg)
		if g.Name() != "voice/cloud" {
			t.Errorf("the name is %s", g.Name())
		}
		if err := g.Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: reader}, "zh-CN", 1)); err != nil {
			t.Errorf("%s: %v", provider, err)
		}
		if got := <-asked; !strings.Contains(got, "Tts") || !strings.Contains(got, "1055500101") {
			t.Errorf("%s was asked for %s", provider, got)
		}
		server.Close()
	}
}

// Each mistake is named by its key, and is the only one.
func TestConfig(t *testing.T) {
	own := plain(t, "https://sms.example.org")
	cloud := gateway.Config{Name: "c", Kind: gateway.SMS, Provider: gateway.Aliyun, SignName: "巡检", TemplateID: "SMS_1", AccessKeyID: keyID, AccessKeySecretFile: file(t, secret)}
	for want, change := range map[string]func(own, cloud *gateway.Config){
		"":                        func(_, _ *gateway.Config) {},
		"name: ":                  func(c, _ *gateway.Config) { c.Name = "A B" },
		"kind: unknown":           func(c, _ *gateway.Config) { c.Kind = "fax" },
		"provider: unknown":       func(_, c *gateway.Config) { c.Provider = "azure" },
		"numbers: ":               func(c, _ *gateway.Config) { c.Numbers = "(" },
		"only[0]: ":               func(c, _ *gateway.Config) { c.Only = []string{"open"} },
		"levels[0]: ":             func(c, _ *gateway.Config) { c.Levels = []plan.Level{"V"} },
		"limits[0].at_most: ":     func(c, _ *gateway.Config) { c.Limits[0].AtMost = 0 },
		"parts: ":                 func(c, _ *gateway.Config) { c.Parts = 11 },
		"text[0]: ":               func(c, _ *gateway.Config) { c.Text = []string{"all"} },
		"url: give either":        func(c, _ *gateway.Config) { c.URL = "" },
		"url: would be sent":      func(c, _ *gateway.Config) { c.URL = "http://sms.example.org/" },
		"url: lets a text out":    func(c, _ *gateway.Config) { c.URL = "https://sms.example.org/?t={{.Text}}" },
		"body: lets a text out":   func(c, _ *gateway.Config) { c.Body = `{"to": "{{.Phone}}", "text": "{{.Text}}"}` },
		"body: does not come out": func(c, _ *gateway.Config) { c.Body = `{"to": ` },
		"body: template: ":        func(c, _ *gateway.Config) { c.Body = `{{.Nobody` },
		"method: ":                func(c, _ *gateway.Config) { c.Method = "DELETE" },
		"header_files[0].file: ":  func(c, _ *gateway.Config) { c.HeaderFiles[0].File = "/nonexistent" },
		"access_key_secret_file:": func(_, c *gateway.Config) { c.AccessKeySecretFile = "" },
		"template_id: is missing": func(_, c *gateway.Config) { c.TemplateID = "" },
		"params[0]: ":             func(_, c *gateway.Config) { c.Params = []string{"weather"} },
		"endpoint: ":              func(_, c *gateway.Config) { c.Endpoint = "ftp://x" },
		"region: is for provider": func(_, c *gateway.Config) { c.Region = "ap-beijing" },
	} {
		a, b := own, cloud
		a.Limits, a.HeaderFiles = slices.Clone(own.Limits), slices.Clone(own.HeaderFiles)
		change(&a, &b)
		err := errors.Join(a.Validate(), b.Validate())
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestHTTPFaults(t *testing.T) {
	for provider, cfg := range map[string]gateway.Config{
		"own":     {},
		"aliyun":  {Name: "c", Kind: gateway.SMS, Provider: gateway.Aliyun, SignName: "巡检", TemplateID: "SMS_1", Params: []string{"subject"}, AccessKeyID: keyID, AccessKeySecretFile: file(t, secret)},
		"tencent": {Name: "c", Kind: gateway.SMS, Provider: gateway.Tencent, SignName: "巡检", TemplateID: "7", AppID: "1400", Params: []string{"subject"}, AccessKeyID: keyID, AccessKeySecretFile: file(t, secret)},
	} {
		t.Run(provider, func(t *testing.T) {
			notifytest.HTTPFaults(t, reader, []string{secret}, func(t *testing.T, s notifytest.Side) channel.Channel {
				at := cfg
				if at.Endpoint = s.URL; provider == "own" {
					at = plain(t, s.URL)
				}
				at.CAFile, at.Numbers = s.CAFile, landlines
				return open(t, at)
			})
		})
	}
}
