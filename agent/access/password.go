package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2id with 19 MiB, two passes, one lane: OWASP's figures for a server
// that has little memory to spare.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
)

// nobody is hashed against for names that do not exist, so that they cost the
// same. No password matches it: its key is not one that argon2 gave.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
	base64.RawStdEncoding.EncodeToString(make([]byte, argonSalt)), base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)))

// hash returns the PHC string of a password.
func (a *Accounts) hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	release, err := a.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKey)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes, enc(salt), enc(key)), nil
}

// verify compares a password with a PHC string, which may be empty.
func (a *Accounts) verify(ctx context.Context, phc, password string) (bool, error) {
	if phc == "" {
		phc = nobody
	}
	if len(password) > maxPassword {
		return false, nil
	}
	var version, memory, passes, lanes int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("stored password is not an argon2id string")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("read stored password: %w", err)
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	// What argon2 would refuse by a panic, or take all memory for.
	sane := version == argon2.Version && memory >= 8 && memory <= 1<<18 && passes >= 1 && passes <= 16 && lanes >= 1 && lanes <= 16
	if err1 != nil || err2 != nil || !sane || len(salt) < 8 || len(want) < 16 {
		return false, fmt.Errorf("stored password is damaged; set another one with xunjian users passwd")
	}
	release, err := a.turn(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(lanes), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// turn waits for the one place where passwords are hashed.
func (a *Accounts) turn(ctx context.Context) (release func(), err error) {
	select {
	case a.hashing <- struct{}{}:
		return func() { <-a.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
