// Package mysql looks at MySQL and MariaDB servers: whether they answer, how
// far they are from their limits, whether their replicas follow, and who waits
// for whom. Figures carry mysqld_exporter's names.
//
// A server is looked at over one connection that is kept from look to look, in
// a session that cannot write and whose statements and lock waits are cut off
// early: watching must not be what brings a sick database down.
package mysql

import (
	"xunjian/checks"
)

// Checks returns one check for each server of list and, with discover, the one
// that finds a server on this machine by itself. They connect at their first
// run. Each of list must be valid.
func Checks(list []Instance, discover bool) []checks.Check {
	var all []checks.Check
	for _, i := range list {
		all = append(all, newCheck(i.filled()))
	}
	if discover {
		all = append(all, newFinder(list, discoverySockets, discoveryPort))
	}
	return all
}
