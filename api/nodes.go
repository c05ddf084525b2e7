package api

import "context"

// ListNodes tells of the machines that run services.
func (h *handlers) ListNodes(ctx context.Context, _ ListNodesRequestObject) (ListNodesResponseObject, error) {
	nodes, err := h.platform.NodeList(ctx)
	if err != nil {
		return nil, err
	}
	return ListNodes200JSONResponse{Items: nodes}, nil
}
