package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Events calls f with every change until ctx is done, the agent stops (nil) or
// f fails. The first call, with All set, comes when nothing can be missed any
// more: look at everything then.
func (c *Client) Events(ctx context.Context, f func(Change) error) error {
	resp, err := c.send(ctx, http.MethodGet, "/events", nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusalOf(resp)
	}
	if err := f(Change{All: true}); err != nil {
		return err
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var change Change
		if err := json.Unmarshal([]byte(data), &change); err != nil {
			return fmt.Errorf("read a change: %w", err)
		}
		if err := f(change); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lines.Err()
}
