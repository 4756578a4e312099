package access_test

import (
	"strings"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/alerting/text"
)

// Passwords are counted as people count them: in characters.
func TestPasswordRules(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Viewer)
	for password, code := range map[string]string{
		"": "password_short", "short": "password_short", "123456789": "password_short",
		"开标大厅九点整":                  "password_short", // 21 bytes, 7 characters
		strings.Repeat("x", 1025):  "password_long",
		strings.Repeat("x", 1<<20): "password_long",
		"long enough\xff":          "password_bytes",
		"long enough\x00":          "password_bytes",
	} {
		refused(t, r.Create(t.Context(), "p", access.Viewer, password), code)
		refused(t, r.SetPassword(t.Context(), "wang", password), code)
	}
	for _, password := range []string{"1234567890", "开标大厅九点整准时开门", strings.Repeat("x", 1024), "  spaces  \u3000 count  "} {
		if err := r.SetPassword(t.Context(), "wang", password); err != nil {
			t.Fatalf("%q: %v", password, err)
		}
		if _, err := r.Login(t.Context(), "wang", password, "10.0.0.1"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	if list, err := r.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("accounts that were refused are there: %+v %v", list, err)
	}
}

// The same password is stored differently each time, and never as it is.
func TestPasswordIsSalted(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Viewer)
	r.create("li", access.Viewer)
	all := dump(t, r.st.DB())
	if strings.Contains(all, good) {
		t.Error("a password stands in the store")
	}
	var stored []string
	for line := range strings.Lines(all) {
		stored = append(stored, strings.Fields(line)[1])
	}
	if len(stored) != 2 || stored[0] == stored[1] {
		t.Fatalf("stored as %q", stored)
	}
	for _, s := range stored {
		if again, memory, err := access.Reread(s); again != s || memory != 19<<10 || err != nil {
			t.Errorf("%s is read as %s with %d KiB (%v)", s, again, memory, err)
		}
	}
}

// damaged are records that argon2 would panic over, take all memory or all
// day for, or that say less than a key.
var damaged = []string{
	"x", "$", "$$$$$", "$argon2id$$$$", "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=999999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=4000000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=-1,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=257$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=18$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=1,x=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
	"$argon2id$v=19$m=19456,t=2,p=1$$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=1$AA\nAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	"$argon2id$v=19$m=19456,t=2,p=1$!!!$!!!",
	"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 1<<16),
}

// A damaged record keeps out, it does not bring the agent down; a new password
// mends it.
func TestDamagedPassword(t *testing.T) {
	r := enter(t)
	r.create("wang", access.Operator)
	derived := 0
	r.Watch(func(uint32) { derived++ })
	for _, phc := range damaged {
		if _, err := r.st.DB().ExecContext(t.Context(), `UPDATE users SET password = ? WHERE name = 'wang'`, phc); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err == nil || !strings.Contains(err.Error(), "xunjian users passwd") {
			t.Errorf("%.40q: %v", phc, err)
		}
	}
	if derived != 0 {
		t.Errorf("%d keys were derived for damaged records", derived)
	}
	if err := r.SetPassword(t.Context(), "wang", good); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Login(t.Context(), "wang", good, "10.0.0.1"); err != nil {
		t.Errorf("with a new password: %v", err)
	}
}

// What is read is what was written, and never asks for more than a server has.
func FuzzStoredPassword(f *testing.F) {
	for _, s := range damaged {
		f.Add(s)
	}
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, phc string) {
		again, memory, err := access.Reread(phc)
		if err == nil && (again != phc || memory < 8 || memory > 64<<10 || len(phc) > 512) {
			t.Errorf("%q is read as %q with %d KiB", phc, again, memory)
		}
	})
}

// Every refusal has its sentence in both languages, with what it is about.
func TestRefusalsAreSaid(t *testing.T) {
	c, err := text.Load(time.UTC, access.Messages)
	if err != nil {
		t.Fatal(err)
	}
	r := enter(t)
	r.create("boss", access.Admin)
	r.create("wang", access.Operator)
	_, _, above := r.CreateToken(t.Context(), "wang", "t", access.Admin, time.Time{})
	_, _, badToken := r.CreateToken(t.Context(), "wang", "t\n", access.Viewer, time.Time{})
	_, _, past := r.CreateToken(t.Context(), "wang", "t", access.Viewer, r.now())
	_, unknownToken := r.ByToken(t.Context(), "x")
	for range 5 {
		r.miss("guessed", "10.0.0.1")
	}
	_, wait := r.Login(t.Context(), "guessed", good, "10.0.0.1")
	_, failed := r.Login(t.Context(), "li", good, "10.0.0.2")
	for _, want := range []struct {
		err    error
		zh, en string
	}{
		{failed, "用户名或密码不正确。", "Name or password is wrong."},
		{wait, "尝试次数过多，请在1 秒后重试。", "Too many tries. Try again in 1 s."},
		{unknownToken, "令牌无效或已失效。", "This token is not valid (any more)."},
		{r.Create(t.Context(), "Li", access.Viewer, good), "“Li”不能用作登录名：只能用小写字母、数字和 . _ @ -，最多 64 个字符。", "Li cannot be a login name: use lower-case letters, digits and . _ @ -, at most 64."},
		{r.Create(t.Context(), "wang", access.Viewer, good), "账号“wang”已存在。", "There is an account wang already."},
		{r.SetDisabled(t.Context(), "li", true), "没有账号“li”。", "There is no account li."},
		{r.SetRole(t.Context(), "wang", "root"), "“root”不是角色，可用：viewer、operator、admin。", "root is not a role: viewer, operator or admin."},
		{r.RevokeToken(t.Context(), "", "ABC"), "没有令牌“ABC”。", "There is no token ABC."},
		{above, "令牌不能具有角色 admin：其所有者没有该角色。", "A token cannot have the role admin: its owner does not have it."},
		{r.SetPassword(t.Context(), "wang", "short"), "密码至少需要 10 个字符。", "A password needs at least 10 characters."},
		{r.SetPassword(t.Context(), "wang", strings.Repeat("x", 2000)), "密码最多 1024 字节。", "A password may have at most 1024 bytes."},
		{r.SetPassword(t.Context(), "wang", "long enough\x00"), "密码中有无法键入的字符（不是 UTF-8，或含有空字符）。", "The password has characters that nobody can type (it is not UTF-8, or has a NUL)."},
		{r.SetDisabled(t.Context(), "boss", true), "“boss”是最后一名管理员，不能撤销。", "boss is the last admin and has to stay one."},
		{badToken, "“t\ufffd”不能用作令牌名称：只能用可显示的字符，最多 128 字节。", "t\ufffd cannot be a token's name: use printable characters, at most 128 bytes."},
		{past, "令牌的到期时间已过，请选择更晚的时间。", "The token would have expired already: choose a later time."},
		{r.SetLang(t.Context(), "wang", "?"), "“?”不是可用的语言，可用：zh-CN、en。", "? is not a language: zh-CN or en."},
	} {
		refusal, ok := want.err.(*access.Refusal)
		if !ok {
			t.Errorf("%q was not refused: %v", want.en, want.err)
			continue
		}
		id := "access.refused." + refusal.Code
		if zh, en := c.For("zh-CN").T(id, refusal.Args), c.For("en").T(id, refusal.Args); zh != want.zh || en != want.en {
			t.Errorf("%s says\n%s\n%s\nwant\n%s\n%s", refusal.Code, zh, en, want.zh, want.en)
		}
	}
}
