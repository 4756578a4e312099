package tail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// kernel reads the kernel's ring, /dev/kmsg. Its numbers count from the boot.
type kernel struct {
	feed *feed
	f    *os.File
	savedKernel
	booted time.Time
}

type savedKernel struct {
	Boot string `json:"boot"`
	Next uint64 `json:"next"`
}

func newKernel(f *feed) source { return &kernel{feed: f} }

func (k *kernel) open() error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("read the kernel's ring: %w", err)
	}
	f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("read the kernel's ring: %w; the agent needs CAP_SYSLOG", err)
	}
	id := strings.TrimSpace(string(boot))
	if k.Boot != id {
		fresh := k.Boot == ""
		k.Boot, k.Next = id, 0
		if fresh && k.feed.t.opt.From.Back == 0 {
			k.Next = ^uint64(0) // until the end is known
		}
	}
	var up syscall.Sysinfo_t
	if err := syscall.Sysinfo(&up); err == nil {
		k.booted = time.Now().Add(-time.Duration(up.Uptime) * time.Second)
	}
	k.f = f
	return nil
}

func (k *kernel) poll(now time.Time) (more bool, err error) {
	if k.f == nil {
		if err := k.open(); err != nil {
			return false, err
		}
	}
	var text []byte
	last := uint64(0)
	buf := make([]byte, 16<<10)
	defer func() { k.feed.deliver("", text, now) }()
	for len(text) < budget {
		n, err := syscall.Read(int(k.f.Fd()), buf)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			if k.Next == ^uint64(0) {
				k.Next = last + 1
			}
			return false, nil
		case errors.Is(err, syscall.EPIPE): // the ring went over what was not read
			k.feed.stats.Gaps++
			continue
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || n <= 0:
			return false, fmt.Errorf("read the kernel's ring: %w", err)
		}
		r, ok := ParseKmsg(buf[:n])
		if !ok {
			continue
		}
		last = r.Seq
		if r.Seq < k.Next || k.Next == ^uint64(0) || !r.Kernel {
			continue
		}
		k.Next = r.Seq + 1
		text = Entry{Time: k.booted.Add(r.Since).UTC(), Identifier: "kernel", Message: r.Text}.appendLine(text)
	}
	return true, nil
}

func (k *kernel) save() (json.RawMessage, error) {
	if k.Next == ^uint64(0) {
		return json.Marshal(savedKernel{})
	}
	return json.Marshal(k.savedKernel)
}

func (k *kernel) load(raw json.RawMessage) error { return json.Unmarshal(raw, &k.savedKernel) }
func (*kernel) watch() []string                  { return nil }

func (k *kernel) close() {
	if k.f != nil {
		k.f.Close()
		k.f = nil
	}
}
