package api

// Heartbeat is the pause of a silent event stream.
const Heartbeat = heartbeat

// RouteLine is what a test may know of a route.
type RouteLine struct{ Method, Path, Need string }

// RouteLines lists the routes.
func RouteLines() []RouteLine {
	var out []RouteLine
	for _, rt := range routes() {
		out = append(out, RouteLine{rt.method, rt.path, string(rt.need)})
	}
	return out
}

// OpenAPI is the embedded description.
func OpenAPI() []byte { return openAPI }
