package standin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/wire"
)

// Alarms raises alarms that no dispatcher hears.
func Alarms(ctx context.Context, cfg Config) (http.Handler, error) {
	alarms := &alarms{now: cfg.Now, kept: map[string]alarm{}}
	return guarded(ctx, cfg, alarmsError, []endpoint{
		{"POST /platform/v1/alarms", []string{"write:alarm"}, alarms.raise},
		{"GET /platform/v1/alarms/{id}/status", []string{"read:alarm"}, alarms.status},
	})
}

func alarmsError(why refusal) any {
	return struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Details string `json:"details"`
		Key     string `json:"key"`
	}{why.status, http.StatusText(why.status), why.description, why.code}
}

type alarms struct {
	now  func() time.Time
	made atomic.Int64

	mu   sync.Mutex
	kept map[string]alarm
}

type alarm struct {
	ID        string   `json:"id"`
	Status    string   `json:"status"`
	CreatedAt string   `json:"created_at"`
	Services  services `json:"services"`
	account   string
}

type services struct {
	Police  bool `json:"police"`
	Fire    bool `json:"fire"`
	Medical bool `json:"medical"`
}

func (a *alarms) raise(r *http.Request) (int, any, error) {
	var asked struct {
		Services services `json:"services"`
		Location *struct {
			Lat      float64 `json:"lat"`
			Lng      float64 `json:"lng"`
			Accuracy float64 `json:"accuracy"`
		} `json:"location.coordinates"`
	}
	if err := wire.JSON(r, &asked); err != nil {
		return 0, nil, err
	}
	if asked.Services == (services{}) || asked.Location == nil {
		return 0, nil, &refusal{http.StatusBadRequest, "invalid_request", "say which services are needed and where: services and location.coordinates"}
	}
	whose, err := account(r)
	if err != nil {
		return 0, nil, err
	}
	raised := alarm{fmt.Sprintf("alarm_%d", a.made.Add(1)), "ACTIVE", a.now().UTC().Format(time.RFC3339), asked.Services, whose}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) >= maxOrders {
		clear(a.kept) // It is a stand-in: forgetting is better than growing.
	}
	a.kept[raised.ID] = raised
	return http.StatusCreated, raised, nil
}

func (a *alarms) status(r *http.Request) (int, any, error) {
	whose, err := account(r)
	if err != nil {
		return 0, nil, err
	}
	a.mu.Lock()
	found, ok := a.kept[r.PathValue("id")]
	a.mu.Unlock()
	if !ok || found.account != whose {
		return 0, nil, &refusal{http.StatusNotFound, "not_found", "there is no such alarm"}
	}
	return http.StatusOK, found, nil
}

// Sellers tells a seller about themselves, their orders and their products.
func Sellers(ctx context.Context, cfg Config) (http.Handler, error) {
	list := func(kind string, items ...string) func(*http.Request) (int, any, error) {
		return func(*http.Request) (int, any, error) {
			return http.StatusOK, map[string]any{"data": items, "paging": map[string]int{"total": len(items)}, "type": kind}, nil
		}
	}
	return guarded(ctx, cfg, func(why refusal) any {
		return map[string][]string{"errors": {why.description}}
	}, []endpoint{
		{"GET /integration/v2/sellers/me", nil, func(r *http.Request) (int, any, error) {
			return cfg.accountAnswer(r, func(id, name string) any {
				return map[string]any{"sid": id, "name": name, "registration_status": "completed", "active": 1}
			})
		}},
		{"GET /integration/v2/orders", []string{"order"}, list("orders", "Ceramic coffee cup, blue", "Linen tea towel")},
		{"GET /integration/v2/products", []string{"product"}, list("products", "Ceramic coffee cup, blue", "Linen tea towel", "Cardamom, 100 g")},
	})
}

// Agents lists the agents of an organization, and makes new ones, which stay when the app goes.
func Agents(ctx context.Context, cfg Config) (http.Handler, error) {
	kept := &agents{of: map[string][]agent{}}
	return guarded(ctx, cfg, agentsError, []endpoint{
		{"GET /v1/agents", []string{"read"}, kept.list},
		{"POST /v1/agents", []string{"manage"}, kept.create},
	})
}

func agentsError(why refusal) any {
	code := map[int]string{http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden"}[why.status]
	if code == "" {
		code = why.code
	}
	type inner struct {
		Code    string            `json:"code"`
		Message string            `json:"message"`
		Details map[string]string `json:"details"`
	}
	return struct {
		Error inner `json:"error"`
	}{inner{code, why.description, map[string]string{"reason": why.code}}}
}

type agent struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id"`
}

type agents struct {
	mu sync.Mutex
	of map[string][]agent // by account
}

func (a *agents) list(r *http.Request) (int, any, error) {
	whose, err := account(r)
	if err != nil {
		return 0, nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return http.StatusOK, map[string]any{"agents": append([]agent{{"agt_1", "Inbox sorter", whose}}, a.of[whose]...)}, nil
}

func (a *agents) create(r *http.Request) (int, any, error) {
	var asked struct {
		Name string `json:"name"`
	}
	if err := wire.JSON(r, &asked); err != nil {
		return 0, nil, err
	}
	if asked.Name = strings.TrimSpace(asked.Name); asked.Name == "" || len(asked.Name) > maxItem {
		return 0, nil, &refusal{http.StatusBadRequest, "invalid_request", "give the agent a name"}
	}
	whose, err := account(r)
	if err != nil {
		return 0, nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.of[whose]) >= maxOrders || len(a.of) >= maxAccounts {
		clear(a.of)
	}
	made := agent{fmt.Sprintf("agt_%d", len(a.of[whose])+2), asked.Name, whose}
	a.of[whose] = append(a.of[whose], made)
	return http.StatusCreated, made, nil
}

// Balance tells a business its balance.
func Balance(ctx context.Context, cfg Config) (http.Handler, error) {
	return guarded(ctx, cfg, balanceError, []endpoint{{"GET /v1/accounts/balance", []string{"accounts:read"}, func(r *http.Request) (int, any, error) {
		whose, err := account(r)
		if err != nil {
			return 0, nil, err
		}
		if given := r.Header.Get("accountId"); given != whose {
			return 0, nil, &refusal{http.StatusUnauthorized, "wrong_account", "send the accountId of the business that the token is for"}
		}
		return http.StatusOK, map[string]any{
			"code": "00", "description": "Success", "data": map[string]string{"amount": "152340.50", "currency": "NGN", "timeCreated": cfg.Now().UTC().Format(time.RFC3339)},
		}, nil
	}}})
}

func balanceError(why refusal) any {
	code := fmt.Sprint(why.status)
	if why.code == "invalid_token" {
		code = "02"
	}
	return map[string]any{"code": code, "description": why.description, "data": nil}
}

// Projects lists a project's orders to whoever is signed in with a service account that may work there.
func Projects(cfg Config, accounts *serviceaccount.Service) http.Handler {
	return routes(projectError, []endpoint{{"GET /order/v1/orders", nil, func(r *http.Request) (int, any, error) {
		return projectOrders(r, accounts, cfg.Now())
	}}}, func(_ endpoint, handle http.Handler) http.Handler { return handle })
}

func projectOrders(r *http.Request, accounts *serviceaccount.Service, now time.Time) (int, any, error) {
	principal, err := accounts.Current(r)
	if err != nil {
		return 0, nil, err
	}
	if principal == nil {
		return 0, nil, serviceaccount.SessionRequired()
	}
	project := r.URL.Query().Get("project_code")
	may, err := accounts.MayActFor(r.Context(), principal, project)
	if err != nil {
		return 0, nil, err
	}
	if !may {
		return 0, nil, &refusal{http.StatusForbidden, "wrong_account", "this service account may not work in that project"}
	}
	return http.StatusOK, map[string]any{"project_code": project, "orders": []order{
		{"NAEGQ0000001", "Ceramic coffee cup, blue", 2, "confirmed", now.Add(-3 * time.Hour).Unix()},
		{"NAEGQ0000002", "Linen tea towel", 1, "shipped", now.Add(-30 * time.Hour).Unix()},
	}}, nil
}

func projectError(why refusal) any {
	name, number := projectStatus(why.status)
	return map[string]any{"status_id": number, "status_code": name, "message": why.description, "details": []map[string]string{{"reason": why.code}}}
}

func projectStatus(status int) (string, int) {
	switch status {
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED", 16
	case http.StatusForbidden:
		return "PERMISSION_DENIED", 7
	case http.StatusNotFound:
		return "NOT_FOUND", 5
	case http.StatusMethodNotAllowed:
		return "UNIMPLEMENTED", 12
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE", 14
	case http.StatusInternalServerError:
		return "INTERNAL", 13
	}
	return "INVALID_ARGUMENT", 3
}

// accountAnswer answers about the account that the token is for.
func (cfg Config) accountAnswer(r *http.Request, body func(id, name string) any) (int, any, error) {
	id, err := account(r)
	if err != nil {
		return 0, nil, err
	}
	name, err := cfg.AccountName(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, body(id, name), nil
}
