"""Thin Prefect tasks around fsl: fetch, call, store. Retries, time-outs and progress live here; what is done does not.

Between tasks travel names and digests, never models, so any task can be retried on another machine.
"""
