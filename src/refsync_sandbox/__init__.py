"""A stand-in CRM: speaks Salesforce's and HubSpot's wire protocols over HTTP on loopback, from a book of business.

It knows of refsync only the model, the book and the errors. It is not a mock: it keeps records, refuses what the CRM refuses,
and people can change what it holds through its control API.
"""
