package inbound

import "context"

// Expire looks once for what is not said again in time, as Run does.
func (in *Inbound) Expire(ctx context.Context) error { return in.expire(ctx) }
