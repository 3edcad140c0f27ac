"""Manifests for Istio."""

from engine.exports.istio.policies import export_istio

__all__ = ["export_istio"]
