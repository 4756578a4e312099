package feishustream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

const (
	// early is how long before its end a token is given up. The platform gives
	// a new one from half an hour before on.
	early = 5 * time.Minute
	// tries bounds the attempts at an answer, pause lies between two.
	tries = 3
	pause = 2 * time.Second
)

// What the platform's numbers say: the token does not hold (any more); too much
// was said.
var (
	codesToken = []int{99991661, 99991663, 99991664, 99991665}
	codesSlow  = []int{230020, 99991400}
)

// tokens keeps the app's token while it holds.
type tokens struct {
	mu    sync.Mutex
	value string
	until time.Time
}

// said is what every answer of the platform begins with.
type said struct {
	Code *int   `json:"code"`
	Msg  string `json:"msg"`
}

// token is the one that holds, asked for if need be.
func (s *Stream) token(ctx context.Context) (string, error) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if s.tokens.value != "" && s.now().Before(s.tokens.until) {
		return s.tokens.value, nil
	}
	key, err := secret.Read(s.cfg.SecretFile)
	if err != nil {
		return "", fmt.Errorf("app secret: %w", err)
	}
	body, err := json.Marshal(map[string]string{"app_id": s.cfg.AppID, "app_secret": key})
	if err != nil {
		return "", err
	}
	a, err := s.client.Do(ctx, s.cfg.api()+"/open-apis/auth/v3/tenant_access_token/internal", jsonHeader(), body)
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	var in struct {
		said
		Token  string `json:"tenant_access_token"`
		Expire int64  `json:"expire"` // seconds
	}
	if err := json.Unmarshal(a.Body, &in); err != nil || in.Code == nil {
		return "", fmt.Errorf("ask for a token: HTTP status %d without a word that can be understood", a.Status)
	}
	if *in.Code != 0 || in.Token == "" {
		return "", fmt.Errorf("ask for a token: error %d: %.300s; see app_id and secret_file", *in.Code, channel.OneLine(secret.Mask(in.Msg, key)))
	}
	s.tokens.value, s.tokens.until = in.Token, s.now().Add(time.Duration(min(max(in.Expire, 0), 86400))*time.Second-early)
	return in.Token, nil
}

// forget gives a token up that the platform refused.
func (s *Stream) forget(token string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if s.tokens.value == token {
		s.tokens.value = ""
	}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"xunjian"}}
}

var messageShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// reply answers a message. The platform knows by the uuid when it gets the same
// answer again.
func (s *Stream) reply(ctx context.Context, message, answer string) error {
	if !messageShape.MatchString(message) {
		return errors.New("the message has no ID that can be answered")
	}
	content, err := json.Marshal(map[string]string{"text": inert(answer)})
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte("answer to " + message))
	body, err := json.Marshal(map[string]string{"msg_type": "text", "content": string(content), "uuid": hex.EncodeToString(sum[:16])})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		again, err := s.replyOnce(ctx, message, body)
		if err == nil || !again || n == tries {
			return err
		}
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return err
		}
	}
}

// replyOnce also says whether another attempt can help.
func (s *Stream) replyOnce(ctx context.Context, message string, body []byte) (again bool, err error) {
	token, err := s.token(ctx)
	if err != nil {
		return true, err
	}
	header := jsonHeader()
	header.Set("Authorization", "Bearer "+token)
	a, err := s.client.Do(ctx, s.cfg.api()+"/open-apis/im/v1/messages/"+message+"/reply", header, body)
	if err != nil {
		return true, err
	}
	return s.judge(a, token)
}

func (s *Stream) judge(a post.Answer, token string) (again bool, err error) {
	var in said
	if err := json.Unmarshal(a.Body, &in); err != nil || in.Code == nil {
		return a.Status >= 500, fmt.Errorf("HTTP status %d without a word that can be understood", a.Status)
	}
	if *in.Code == 0 {
		return false, nil
	}
	if slices.Contains(codesToken, *in.Code) {
		s.forget(token)
		again = true
	}
	again = again || slices.Contains(codesSlow, *in.Code) || a.Status == http.StatusTooManyRequests || a.Status >= 500
	return again, fmt.Errorf("HTTP status %d, error %d: %.300s", a.Status, *in.Code, channel.OneLine(secret.Mask(in.Msg, token)))
}

// inert takes the marks of mentions, formats and links out of a text.
func inert(s string) string {
	return strings.NewReplacer("<", "＜", "&lt;", "＆lt;", "](", "] (").Replace(s)
}
