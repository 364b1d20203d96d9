"""Nothing of an e-invoice is lost: every text and attribute of the XML is in the record, in a field or as a term."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from lxml import etree

from cira_pipeline.invoice import (
    AllowanceCharge,
    Attachment,
    Invoice,
    PaymentAccount,
    PaymentDiscount,
    PrecedingInvoice,
    TaxId,
    TaxLine,
)
from cira_pipeline.invoice_bounds import bounded
from cira_pipeline.syntaxes import other_terms
from cira_pipeline.syntaxes.cii_terms import CII_TERMS
from cira_pipeline.syntaxes.field_reader import XmlRule
from cira_pipeline.syntaxes.registry import SYNTAXES
from cira_pipeline.syntaxes.ubl_terms import UBL_TERMS
from tests.extraction.einvoice.documents import CII, UBL, UBL_CREDIT_NOTE, ZUGFERD_1, replaced
from tests.extraction.einvoice.test_fields import extract, rules_of
from tests.syntaxes.test_registry import SAMPLES, enveloped

ATTACHED = b"%PDF-1.4 a timesheet"
_BASE64 = base64.b64encode(ATTACHED).decode()

# What an invoice may state in UBL, by the element after which its schema has it.
_UBL_PARTS = {
    "</cbc:CustomizationID>": "<cbc:ProfileID>urn:example:process</cbc:ProfileID>",
    "</cbc:InvoiceTypeCode>": "<cbc:Note>#REG#Registered in Hamburg</cbc:Note><cbc:Note>Thank you</cbc:Note>"
    "<cbc:TaxPointDate>2026-01-30</cbc:TaxPointDate>",
    "</cbc:DocumentCurrencyCode>": "<cbc:TaxCurrencyCode>GBP</cbc:TaxCurrencyCode>"
    "<cbc:AccountingCost>CC 7</cbc:AccountingCost><cbc:BuyerReference>04011000-1</cbc:BuyerReference>"
    "<cac:InvoicePeriod><cbc:StartDate>2026-01-01</cbc:StartDate><cbc:EndDate>2026-01-31</cbc:EndDate>"
    "<cbc:DescriptionCode>35</cbc:DescriptionCode></cac:InvoicePeriod>",
    "<cbc:ID>PO 99</cbc:ID>": "<cbc:SalesOrderID>SO 1</cbc:SalesOrderID>",
    "</cac:OrderReference>": "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>R-2025/9</cbc:ID>"
    "<cbc:IssueDate>2025-12-01</cbc:IssueDate></cac:InvoiceDocumentReference></cac:BillingReference>"
    "<cac:DespatchDocumentReference><cbc:ID>DN 5</cbc:ID></cac:DespatchDocumentReference>"
    "<cac:ReceiptDocumentReference><cbc:ID>RA 6</cbc:ID></cac:ReceiptDocumentReference>"
    "<cac:OriginatorDocumentReference><cbc:ID>LOT 3</cbc:ID></cac:OriginatorDocumentReference>"
    "<cac:ContractDocumentReference><cbc:ID>C 12</cbc:ID></cac:ContractDocumentReference>"
    '<cac:AdditionalDocumentReference><cbc:ID schemeID="AEM">METER 4</cbc:ID>'
    "<cbc:DocumentTypeCode>130</cbc:DocumentTypeCode></cac:AdditionalDocumentReference>"
    "<cac:AdditionalDocumentReference><cbc:ID>A 1</cbc:ID><cbc:DocumentDescription>Timesheet"
    '</cbc:DocumentDescription><cac:Attachment><cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" '
    f'filename="sheet.pdf">{_BASE64}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>'
    "</cac:AdditionalDocumentReference>"
    "<cac:AdditionalDocumentReference><cbc:ID>A 2</cbc:ID><cac:Attachment><cac:ExternalReference>"
    "<cbc:URI>https://example.com/a2</cbc:URI></cac:ExternalReference></cac:Attachment>"
    "</cac:AdditionalDocumentReference>"
    "<cac:ProjectReference><cbc:ID>P 8</cbc:ID></cac:ProjectReference>",
    "<cac:AccountingSupplierParty><cac:Party>": '<cbc:EndpointID schemeID="0088">4012345000009</cbc:EndpointID>'
    '<cac:PartyIdentification><cbc:ID schemeID="0060">S-1</cbc:ID></cac:PartyIdentification>'
    '<cac:PartyIdentification><cbc:ID schemeID="SEPA">DE98ZZZ09999999999</cbc:ID></cac:PartyIdentification>',
    "<cbc:RegistrationName>Holzwerk Nord GmbH</cbc:RegistrationName>": '<cbc:CompanyID schemeID="0009">12345678200018'
    "</cbc:CompanyID><cbc:CompanyLegalForm>Registered capital 25,000 EUR</cbc:CompanyLegalForm>",
    "Holzwerk Nord GmbH</cbc:RegistrationName>...</cac:PartyLegalEntity>": "<cac:Contact><cbc:Name>Ada Holz</cbc:Name>"
    "<cbc:Telephone>+49 40 1</cbc:Telephone><cbc:ElectronicMail>ada@example.com</cbc:ElectronicMail></cac:Contact>",
    "<cac:AccountingCustomerParty><cac:Party>": '<cbc:EndpointID schemeID="EM">ap@example.com</cbc:EndpointID>'
    "<cac:PartyIdentification><cbc:ID>10234</cbc:ID></cac:PartyIdentification>"
    "<cac:PartyName><cbc:Name>Jardin</cbc:Name></cac:PartyName>",
    "<cbc:RegistrationName>Jardin Sud SARL</cbc:RegistrationName>": '<cbc:CompanyID schemeID="0002">123456782'
    "</cbc:CompanyID>",
    "Jardin Sud SARL</cbc:RegistrationName>...</cac:PartyLegalEntity>": "<cac:Contact><cbc:Name>Luc Jardin</cbc:Name>"
    "<cbc:Telephone>+33 4 1</cbc:Telephone><cbc:ElectronicMail>luc@example.com</cbc:ElectronicMail></cac:Contact>",
    "</cac:AccountingCustomerParty>": "<cac:PayeeParty><cac:PartyIdentification>"
    '<cbc:ID schemeID="0088">PAY-1</cbc:ID></cac:PartyIdentification><cac:PartyName><cbc:Name>Factor AG</cbc:Name>'
    "</cac:PartyName><cac:PartyLegalEntity><cbc:CompanyID>HRB 9</cbc:CompanyID></cac:PartyLegalEntity></cac:PayeeParty>"
    "<cac:TaxRepresentativeParty><cac:PartyName><cbc:Name>Tax Rep</cbc:Name></cac:PartyName><cac:PostalAddress>"
    "<cbc:StreetName>Quay 1</cbc:StreetName><cbc:CityName>Paris</cbc:CityName><cbc:PostalZone>75001</cbc:PostalZone>"
    "<cac:Country><cbc:IdentificationCode>FR</cbc:IdentificationCode></cac:Country></cac:PostalAddress>"
    "<cac:PartyTaxScheme><cbc:CompanyID>FR83404833048</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    "</cac:PartyTaxScheme></cac:TaxRepresentativeParty>"
    "<cac:Delivery><cbc:ActualDeliveryDate>2026-01-29</cbc:ActualDeliveryDate><cac:DeliveryLocation>"
    '<cbc:ID schemeID="0088">LOC-1</cbc:ID><cac:Address><cbc:StreetName>Gate 4</cbc:StreetName>'
    "<cbc:CityName>Nice</cbc:CityName><cbc:PostalZone>06000</cbc:PostalZone><cac:Country>"
    "<cbc:IdentificationCode>FR</cbc:IdentificationCode></cac:Country></cac:Address></cac:DeliveryLocation>"
    "<cac:DeliveryParty><cac:PartyName><cbc:Name>Depot</cbc:Name></cac:PartyName></cac:DeliveryParty></cac:Delivery>",
    "<cbc:PaymentMeansCode>58</cbc:PaymentMeansCode>": "<cbc:PaymentID>RF18539007547034</cbc:PaymentID>"
    "<cac:CardAccount><cbc:PrimaryAccountNumberID>1234</cbc:PrimaryAccountNumberID><cbc:NetworkID>VISA</cbc:NetworkID>"
    "<cbc:HolderName>Luc</cbc:HolderName></cac:CardAccount>",
    "<cbc:ID>DE02 1203 0000 0000 2020 51</cbc:ID>": "<cbc:Name>Holzwerk account</cbc:Name>"
    "<cac:FinancialInstitutionBranch><cbc:ID>BYLADEM1001</cbc:ID></cac:FinancialInstitutionBranch>",
    "</cac:PayeeFinancialAccount>": "<cac:PaymentMandate><cbc:ID>M-77</cbc:ID><cac:PayerFinancialAccount>"
    "<cbc:ID>FR7630006000011234567890189</cbc:ID></cac:PayerFinancialAccount></cac:PaymentMandate>",
    "30 days net": "\n#SKONTO#TAGE=14#PROZENT=2.00#BASISBETRAG=119.00#\n#VERZUG#TAGE=30#PROZENT=5.00#",
    "</cac:PaymentTerms>": "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
    "<cbc:AllowanceChargeReasonCode>95</cbc:AllowanceChargeReasonCode><cbc:AllowanceChargeReason>Loyalty"
    "</cbc:AllowanceChargeReason><cbc:MultiplierFactorNumeric>10</cbc:MultiplierFactorNumeric>"
    '<cbc:Amount currencyID="EUR">10.00</cbc:Amount><cbc:BaseAmount currencyID="EUR">100.00</cbc:BaseAmount>'
    "<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    "</cac:TaxCategory></cac:AllowanceCharge><cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>"
    '<cbc:AllowanceChargeReason>Freight</cbc:AllowanceChargeReason><cbc:Amount currencyID="EUR">10.00</cbc:Amount>'
    "<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    "</cac:TaxCategory></cac:AllowanceCharge>"
    "<cac:TaxExchangeRate><cbc:SourceCurrencyCode>EUR</cbc:SourceCurrencyCode><cbc:TargetCurrencyCode>GBP"
    "</cbc:TargetCurrencyCode><cbc:CalculationRate>0.85</cbc:CalculationRate></cac:TaxExchangeRate>",
    "<cbc:Percent>19.00</cbc:Percent>": "<cbc:TaxExemptionReasonCode>VATEX-EU-O</cbc:TaxExemptionReasonCode>"
    "<cbc:TaxExemptionReason>Not so</cbc:TaxExemptionReason>",
    "</cac:TaxSubtotal></cac:TaxTotal>": '<cac:TaxTotal><cbc:TaxAmount currencyID="GBP">16.15</cbc:TaxAmount>'
    "</cac:TaxTotal>",
    "</cbc:TaxInclusiveAmount>": '<cbc:AllowanceTotalAmount currencyID="EUR">10.00</cbc:AllowanceTotalAmount>'
    '<cbc:ChargeTotalAmount currencyID="EUR">10.00</cbc:ChargeTotalAmount>'
    '<cbc:PrepaidAmount currencyID="EUR">0.02</cbc:PrepaidAmount>'
    '<cbc:PayableRoundingAmount currencyID="EUR">0.02</cbc:PayableRoundingAmount>',
    "<cac:InvoiceLine><cbc:ID>1</cbc:ID>": "<cbc:Note>Cushions apart</cbc:Note>",
    "100.00</cbc:LineExtensionAmount>...<cac:Item>": "<cbc:AccountingCost>CC 8</cbc:AccountingCost><cac:InvoicePeriod>"
    "<cbc:StartDate>2026-01-02</cbc:StartDate><cbc:EndDate>2026-01-30</cbc:EndDate></cac:InvoicePeriod>"
    "<cac:OrderLineReference><cbc:LineID>4</cbc:LineID></cac:OrderLineReference>"
    '<cac:DocumentReference><cbc:ID schemeID="AVE">OBJ 2</cbc:ID><cbc:DocumentTypeCode>130</cbc:DocumentTypeCode>'
    "</cac:DocumentReference><cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>"
    "<cbc:AllowanceChargeReasonCode>PC</cbc:AllowanceChargeReasonCode><cbc:AllowanceChargeReason>Packing"
    '</cbc:AllowanceChargeReason><cbc:Amount currencyID="EUR">0.00</cbc:Amount></cac:AllowanceCharge>',
    "<cac:Item>": "<cbc:Description>Oiled oak, stackable</cbc:Description>",
    "<cbc:Name>Garden chair, oak</cbc:Name>": "<cac:BuyersItemIdentification><cbc:ID>B-1</cbc:ID>"
    "</cac:BuyersItemIdentification><cac:SellersItemIdentification><cbc:ID>H-1</cbc:ID></cac:SellersItemIdentification>"
    '<cac:StandardItemIdentification><cbc:ID schemeID="0160">4012345001235</cbc:ID></cac:StandardItemIdentification>'
    "<cac:OriginCountry><cbc:IdentificationCode>PL</cbc:IdentificationCode></cac:OriginCountry>"
    '<cac:CommodityClassification><cbc:ItemClassificationCode listID="STI" listVersionID="20">94016900'
    "</cbc:ItemClassificationCode></cac:CommodityClassification>",
    "</cac:ClassifiedTaxCategory>": "<cac:AdditionalItemProperty><cbc:Name>Finish</cbc:Name><cbc:Value>Oil</cbc:Value>"
    "</cac:AdditionalItemProperty>",
    "</cbc:BaseQuantity>": "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
    '<cbc:Amount currencyID="EUR">5.00</cbc:Amount><cbc:BaseAmount currencyID="EUR">55.00</cbc:BaseAmount>'
    "</cac:AllowanceCharge>",
}

_CII_DATE = '<udt:DateTimeString format="102">{}</udt:DateTimeString>'


def _cii_reference(name: str, number: str) -> str:
    return f"<ram:{name}><ram:IssuerAssignedID>{number}</ram:IssuerAssignedID></ram:{name}>"


def _cii_party(name: str, stated: str, **address: str) -> str:
    parts = "".join(f"<ram:{part}>{text}</ram:{part}>" for part, text in address.items())
    return f"<ram:{name}>{stated}<ram:PostalTradeAddress>{parts}</ram:PostalTradeAddress></ram:{name}>"


_CII_TAX = (
    "<ram:CategoryTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode>"
    "<ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:CategoryTradeTax>"
)
_CII_CONTACT = (
    "<ram:DefinedTradeContact><ram:PersonName>{0}</ram:PersonName><ram:TelephoneUniversalCommunication>"
    "<ram:CompleteNumber>{1}</ram:CompleteNumber></ram:TelephoneUniversalCommunication>"
    "<ram:EmailURIUniversalCommunication><ram:URIID>{2}</ram:URIID></ram:EmailURIUniversalCommunication>"
    "</ram:DefinedTradeContact>"
)
_CII_PARTS = {
    "<rsm:ExchangedDocumentContext>": "<ram:BusinessProcessSpecifiedDocumentContextParameter>"
    "<ram:ID>urn:example:process</ram:ID></ram:BusinessProcessSpecifiedDocumentContextParameter>",
    "20260131</udt:DateTimeString></ram:IssueDateTime>": "<ram:IncludedNote><ram:Content>Registered in Hamburg"
    "</ram:Content><ram:SubjectCode>REG</ram:SubjectCode></ram:IncludedNote><ram:IncludedNote><ram:Content>Thank you"
    "</ram:Content></ram:IncludedNote>",
    "<ram:LineID>1</ram:LineID>": "<ram:IncludedNote><ram:Content>Cushions apart</ram:Content></ram:IncludedNote>",
    "<ram:SpecifiedTradeProduct>": '<ram:GlobalID schemeID="0160">4012345001235</ram:GlobalID><ram:SellerAssignedID>H-1'
    "</ram:SellerAssignedID><ram:BuyerAssignedID>B-1</ram:BuyerAssignedID>",
    "oak</ram:Name>": "<ram:Description>Oiled oak, stackable</ram:Description><ram:ApplicableProductCharacteristic>"
    "<ram:Description>Finish</ram:Description><ram:Value>Oil</ram:Value></ram:ApplicableProductCharacteristic>"
    '<ram:DesignatedProductClassification><ram:ClassCode listID="STI" listVersionID="20">94016900</ram:ClassCode>'
    "</ram:DesignatedProductClassification><ram:OriginTradeCountry><ram:ID>PL</ram:ID></ram:OriginTradeCountry>",
    "<ram:SpecifiedLineTradeAgreement>": "<ram:BuyerOrderReferencedDocument><ram:LineID>4</ram:LineID>"
    "</ram:BuyerOrderReferencedDocument><ram:GrossPriceProductTradePrice><ram:ChargeAmount>55.00</ram:ChargeAmount>"
    '<ram:BasisQuantity unitCode="C62">1</ram:BasisQuantity><ram:AppliedTradeAllowanceCharge><ram:ChargeIndicator>'
    "<udt:Indicator>false</udt:Indicator></ram:ChargeIndicator><ram:ActualAmount>5.00</ram:ActualAmount>"
    "</ram:AppliedTradeAllowanceCharge></ram:GrossPriceProductTradePrice>",
    "</ram:ApplicableTradeTax>\n    <ram:SpecifiedTradeSettlementLine": "",
    "19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>\n": "<ram:BillingSpecifiedPeriod><ram:StartDateTime>"
    f"{_CII_DATE.format('20260102')}</ram:StartDateTime><ram:EndDateTime>{_CII_DATE.format('20260130')}"
    "</ram:EndDateTime></ram:BillingSpecifiedPeriod><ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator>"
    "<udt:Indicator>true</udt:Indicator></ram:ChargeIndicator><ram:ActualAmount>0.00</ram:ActualAmount>"
    "<ram:ReasonCode>PC</ram:ReasonCode><ram:Reason>Packing</ram:Reason></ram:SpecifiedTradeAllowanceCharge>",
    "</ram:SpecifiedTradeSettlementLineMonetarySummation>": "<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>"
    "OBJ 2</ram:IssuerAssignedID><ram:TypeCode>130</ram:TypeCode><ram:ReferenceTypeCode>AVE</ram:ReferenceTypeCode>"
    "</ram:AdditionalReferencedDocument><ram:ReceivableSpecifiedTradeAccountingAccount><ram:ID>CC 8</ram:ID>"
    "</ram:ReceivableSpecifiedTradeAccountingAccount>",
    "<ram:ApplicableHeaderTradeAgreement>": "<ram:BuyerReference>04011000-1</ram:BuyerReference>",
    "<ram:SellerTradeParty>": '<ram:GlobalID schemeID="0060">S-1</ram:GlobalID>',
    "Holzwerk Nord GmbH</ram:Name>": "<ram:Description>Registered capital 25,000 EUR</ram:Description>",
    "<ram:SpecifiedLegalOrganization>": '<ram:ID schemeID="0009">12345678200018</ram:ID>',
    "Holzwerk</ram:TradingBusinessName></ram:SpecifiedLegalOrganization>": _CII_CONTACT.format(
        "Ada Holz", "+49 40 1", "ada@example.com"
    ),
    "<ram:CountryID>DE</ram:CountryID>\n    </ram:PostalTradeAddress>": "<ram:URIUniversalCommunication>"
    '<ram:URIID schemeID="0088">4012345000009</ram:URIID></ram:URIUniversalCommunication>',
    "<ram:BuyerTradeParty>": "<ram:ID>10234</ram:ID>",
    "Jardin Sud SARL</ram:Name>": '<ram:SpecifiedLegalOrganization><ram:ID schemeID="0002">123456782</ram:ID>'
    "<ram:TradingBusinessName>Jardin</ram:TradingBusinessName></ram:SpecifiedLegalOrganization>"
    + _CII_CONTACT.format("Luc Jardin", "+33 4 1", "luc@example.com"),
    "<ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>": "<ram:URIUniversalCommunication>"
    '<ram:URIID schemeID="EM">ap@example.com</ram:URIID></ram:URIUniversalCommunication>',
    "</ram:BuyerTradeParty>": _cii_party(
        "SellerTaxRepresentativeTradeParty",
        "<ram:Name>Tax Rep</ram:Name>",
        PostcodeCode="75001",
        LineOne="Quay 1",
        CityName="Paris",
        CountryID="FR",
    ).replace(
        "</ram:SellerTax",
        '<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">FR83404833048</ram:ID></ram:SpecifiedTaxRegistration>'
        "</ram:SellerTax",
    )
    + _cii_reference("SellerOrderReferencedDocument", "SO 1"),
    "</ram:BuyerOrderReferencedDocument>\n  </ram:ApplicableHeader": "",
    "PO 99</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>": _cii_reference(
        "ContractReferencedDocument", "C 12"
    )
    + "<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>LOT 3</ram:IssuerAssignedID><ram:TypeCode>50"
    "</ram:TypeCode></ram:AdditionalReferencedDocument>"
    "<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>METER 4</ram:IssuerAssignedID><ram:TypeCode>130"
    "</ram:TypeCode><ram:ReferenceTypeCode>AEM</ram:ReferenceTypeCode></ram:AdditionalReferencedDocument>"
    "<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>A 1</ram:IssuerAssignedID><ram:TypeCode>916"
    '</ram:TypeCode><ram:Name>Timesheet</ram:Name><ram:AttachmentBinaryObject mimeCode="application/pdf" '
    f'filename="sheet.pdf">{_BASE64}</ram:AttachmentBinaryObject></ram:AdditionalReferencedDocument>'
    "<ram:AdditionalReferencedDocument><ram:IssuerAssignedID>A 2</ram:IssuerAssignedID><ram:URIID>"
    "https://example.com/a2</ram:URIID><ram:TypeCode>916</ram:TypeCode></ram:AdditionalReferencedDocument>"
    "<ram:SpecifiedProcuringProject><ram:ID>P 8</ram:ID><ram:Name>Garden</ram:Name></ram:SpecifiedProcuringProject>",
    "<ram:ApplicableHeaderTradeDelivery/>": "",
    "<ram:ApplicableHeaderTradeSettlement>": "<ram:CreditorReferenceID>DE98ZZZ09999999999</ram:CreditorReferenceID>"
    "<ram:PaymentReference>RF18539007547034</ram:PaymentReference><ram:TaxCurrencyCode>GBP</ram:TaxCurrencyCode>",
    "<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>": '<ram:PayeeTradeParty><ram:GlobalID schemeID="0088">PAY-1'
    "</ram:GlobalID><ram:Name>Factor AG</ram:Name><ram:SpecifiedLegalOrganization><ram:ID>HRB 9</ram:ID>"
    "</ram:SpecifiedLegalOrganization></ram:PayeeTradeParty><ram:TaxApplicableTradeCurrencyExchange>"
    "<ram:SourceCurrencyCode>EUR</ram:SourceCurrencyCode><ram:TargetCurrencyCode>GBP</ram:TargetCurrencyCode>"
    "<ram:ConversionRate>0.85</ram:ConversionRate></ram:TaxApplicableTradeCurrencyExchange>",
    "<ram:TypeCode>58</ram:TypeCode>": "<ram:Information>Transfer</ram:Information>"
    "<ram:ApplicableTradeSettlementFinancialCard><ram:ID>1234</ram:ID><ram:CardholderName>Luc</ram:CardholderName>"
    "</ram:ApplicableTradeSettlementFinancialCard><ram:PayerPartyDebtorFinancialAccount><ram:IBANID>"
    "FR7630006000011234567890189</ram:IBANID></ram:PayerPartyDebtorFinancialAccount>",
    "51</ram:IBANID>": "<ram:AccountName>Holzwerk account</ram:AccountName>",
    "</ram:PayeePartyCreditorFinancialAccount>": "<ram:PayeeSpecifiedCreditorFinancialInstitution>"
    "<ram:BICID>BYLADEM1001</ram:BICID></ram:PayeeSpecifiedCreditorFinancialInstitution>",
    "19.00</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>": "<ram:ExemptionReason>Not so</ram:ExemptionReason>",
    "<ram:BasisAmount>100.00</ram:BasisAmount><ram:CategoryCode>S</ram:CategoryCode>": "<ram:ExemptionReasonCode>"
    'VATEX-EU-O</ram:ExemptionReasonCode><ram:TaxPointDate><udt:DateString format="102">20260130</udt:DateString>'
    "</ram:TaxPointDate><ram:DueDateTypeCode>35</ram:DueDateTypeCode>",
    "   <ram:SpecifiedTradePaymentTerms>": "",
    "30 days net": "",
    "</ram:DueDateDateTime>": "<ram:DirectDebitMandateID>M-77</ram:DirectDebitMandateID>"
    '<ram:ApplicableTradePaymentDiscountTerms><ram:BasisPeriodMeasure unitCode="DAY">14</ram:BasisPeriodMeasure>'
    "<ram:BasisAmount>119.00</ram:BasisAmount><ram:CalculationPercent>2.00</ram:CalculationPercent>"
    "</ram:ApplicableTradePaymentDiscountTerms>",
    "<ram:LineTotalAmount>100.00</ram:LineTotalAmount>\n    <ram:Tax": "",
    "</ram:GrandTotalAmount>": "<ram:TotalPrepaidAmount>0.02</ram:TotalPrepaidAmount>",
    "</ram:TaxTotalAmount>": '<ram:TaxTotalAmount currencyID="GBP">16.15</ram:TaxTotalAmount>'
    "<ram:RoundingAmount>0.02</ram:RoundingAmount>",
    "</ram:SpecifiedTradeSettlementHeaderMonetarySummation>": "<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>"
    "R-2025/9</ram:IssuerAssignedID><ram:FormattedIssueDateTime>"
    f"{_CII_DATE.format('20251201')}</ram:FormattedIssueDateTime></ram:InvoiceReferencedDocument>"
    "<ram:ReceivableSpecifiedTradeAccountingAccount><ram:ID>CC 7</ram:ID>"
    "</ram:ReceivableSpecifiedTradeAccountingAccount>",
}


def _extended(xml: str, parts: dict[str, str]) -> str:
    """`xml` with each part after its place; a place with `...` names two texts, and ends with the second."""
    for place, part in parts.items():
        start, _, end = place.partition("...")
        assert start in xml, place
        at = xml.index(start) + len(start)
        if end:
            at = xml.index(end, at) + (0 if end == "<cac:Item>" else len(end))
        xml = xml[:at] + part + xml[at:]
    return xml


WHOLE_UBL = _extended(UBL, _UBL_PARTS)
_CII_ALLOWANCES = (
    "<ram:BillingSpecifiedPeriod><ram:StartDateTime>"
    f"{_CII_DATE.format('20260101')}</ram:StartDateTime><ram:EndDateTime>{_CII_DATE.format('20260131')}"
    "</ram:EndDateTime></ram:BillingSpecifiedPeriod><ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator>"
    "<udt:Indicator>false</udt:Indicator></ram:ChargeIndicator><ram:CalculationPercent>10</ram:CalculationPercent>"
    "<ram:BasisAmount>100.00</ram:BasisAmount><ram:ActualAmount>10.00</ram:ActualAmount><ram:ReasonCode>95"
    f"</ram:ReasonCode><ram:Reason>Loyalty</ram:Reason>{_CII_TAX}</ram:SpecifiedTradeAllowanceCharge>"
    "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>true</udt:Indicator></ram:ChargeIndicator>"
    f"<ram:ActualAmount>10.00</ram:ActualAmount><ram:Reason>Freight</ram:Reason>{_CII_TAX}"
    "</ram:SpecifiedTradeAllowanceCharge>"
)
_CII_DELIVERY = (
    "<ram:ApplicableHeaderTradeDelivery>"
    + _cii_party(
        "ShipToTradeParty",
        '<ram:GlobalID schemeID="0088">LOC-1</ram:GlobalID><ram:Name>Depot</ram:Name>',
        PostcodeCode="06000",
        LineOne="Gate 4",
        CityName="Nice",
        CountryID="FR",
    )
    + f"<ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime>{_CII_DATE.format('20260129')}"
    "</ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent>"
    + _cii_reference("DespatchAdviceReferencedDocument", "DN 5")
    + _cii_reference("ReceivingAdviceReferencedDocument", "RA 6")
    + "</ram:ApplicableHeaderTradeDelivery>"
)
WHOLE_CII = replaced(
    replaced(
        replaced(
            _extended(CII, _CII_PARTS),
            "   <ram:SpecifiedTradePaymentTerms>",
            f"   {_CII_ALLOWANCES}<ram:SpecifiedTradePaymentTerms>",
        ),
        "<ram:ApplicableHeaderTradeDelivery/>",
        _CII_DELIVERY,
    ),
    "    <ram:TaxBasisTotalAmount>",
    "    <ram:ChargeTotalAmount>10.00</ram:ChargeTotalAmount><ram:AllowanceTotalAmount>10.00</ram:AllowanceTotalAmount>"
    "<ram:TaxBasisTotalAmount>",
)

# An invoice that uses the elements of UBL which EN 16931 has not, and some that no standard has.
_EXTRA = (
    '<cac:Signature><cbc:ID>sig 1</cbc:ID></cac:Signature><x:Extra xmlns:x="urn:example" kind="odd">between'
    "<x:Deep><x:Deeper>well hidden</x:Deeper></x:Deep>tail</x:Extra>"
)
STRANGE_UBL = replaced(UBL, " <cac:TaxTotal>", f" {_EXTRA}<cac:TaxTotal>")
SUB_LINE = "<cac:SubInvoiceLine><cbc:ID>1.1</cbc:ID><cac:Item><cbc:Name>Leg</cbc:Name></cac:Item></cac:SubInvoiceLine>"

DOCUMENTS = {
    **{name: xml for name, (xml, _) in SAMPLES.items()},
    "whole UBL": WHOLE_UBL,
    "whole UBL in an envelope": enveloped(WHOLE_UBL),
    "whole CII": WHOLE_CII,
    "credit note": UBL_CREDIT_NOTE,
    "ZUGFeRD 1.0 with logistics": replaced(
        ZUGFERD_1,
        "   <ram:SpecifiedTradePaymentTerms>",
        "   <ram:SpecifiedLogisticsServiceCharge><ram:Description>Freight</ram:Description>"
        '<ram:AppliedAmount currencyID="EUR">'
        "3.00</ram:AppliedAmount></ram:SpecifiedLogisticsServiceCharge><ram:SpecifiedTradePaymentTerms>",
    ),
    "strange UBL": STRANGE_UBL,
    "lines in lines": replaced(UBL, "</cac:InvoiceLine>", f"{SUB_LINE}</cac:InvoiceLine>"),
    "another currency": replaced(UBL, '<cbc:PriceAmount currencyID="EUR">', '<cbc:PriceAmount currencyID="USD">'),
}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


# What a field expresses in another word: which reference it is, that a tax is VAT, whether a row is a charge.
_EXPRESSED = {
    "ChargeIndicator": {"true", "false"},
    "Indicator": {"true", "false"},
    "DocumentTypeCode": {"130", "50"},
    "TypeCode": {"130", "50", "916", "VAT"},
    "ID": {"VAT"},
    "@schemeID": {"VA", "SEPA"},
    "@format": {"102"},
    "@unitCode": {"DAY"},
}


class _Record:
    """The values of a record, to look a text of the XML up in. Knows nothing of what the reader says it has read."""

    def __init__(self, invoice: Invoice) -> None:
        kept = bounded(invoice)
        assert kept.too_long == ()
        values = list(_texts(json.loads(kept.invoice.model_dump_json())))
        self._whole = {_bare(value) for value in values}
        # Addresses, notes and payment terms are made of several texts.
        self._parts = {
            _bare(part) for value in values for part in (*re.split(r", |\n", value), *re.split(r"[,\s]+", value))
        }
        self._numbers = {number for value in values if (number := _number(value)) is not None}

    def states(self, text: str) -> bool:
        subject = re.fullmatch("#([A-Z]{3})#(.*)", text, re.DOTALL)
        if subject:
            return self.states(subject[1]) and self.states(subject[2])
        day = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", text)
        lines = [_bare(line) for line in text.splitlines()]
        return (
            {_bare(text), _content_hash(text)} & self._whole != set()
            or all(line in self._parts for line in lines)
            or (_number(text) is not None and _number(text) in self._numbers)
            or (day is not None and "-".join(day.groups()) in self._whole)
        )


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _content_hash(text: str) -> str:
    return hashlib.sha256(ATTACHED).hexdigest() if text == _BASE64 else ""


def _stated(xml: str) -> Iterator[tuple[str, str, str]]:
    """Every text and attribute of the XML: its path, the name that tells its kind, and the text."""
    root = etree.fromstring(xml.encode(), etree.XMLParser(remove_comments=True))
    tree = root.getroottree()
    for element in root.iter():
        name, path = etree.QName(element).localname, tree.getpath(element)
        for text in (element.text, *(child.tail for child in element)):
            if text and text.strip():
                yield path, name, text.strip()
        for attribute, value in element.items():
            yield f"{path}/@{attribute}", f"@{attribute}", str(value)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_term_of_an_e_invoice_is_dropped(name: str) -> None:
    invoice = extract(DOCUMENTS[name]).invoice
    record = _Record(invoice)
    dropped = [
        f"{path}: {text}"
        for path, kind, text in _stated(DOCUMENTS[name])
        if not record.states(text)
        and text not in _EXPRESSED.get(kind, ())
        and not (kind == "@currencyID" and text in (invoice.currency, invoice.accounting_currency))
    ]
    assert dropped == []


@pytest.mark.parametrize("xml", [WHOLE_UBL, WHOLE_CII], ids=["ubl", "cii"])
def test_every_field_of_en_16931_is_filled(xml: str) -> None:
    extraction = extract(xml)
    invoice = extraction.invoice
    assert {finding.rule for finding in extraction.findings} <= {
        XmlRule.SCHEMA,
        XmlRule.DOCUMENT_LEVEL_AMOUNTS,
        XmlRule.LINE_LEVEL_AMOUNTS,
    }
    stated = {name: getattr(invoice, name) for name in _WHOLE}
    assert stated == _WHOLE
    (line,) = invoice.line_items
    assert {name: getattr(line, name) for name in _WHOLE_LINE} == _WHOLE_LINE
    (discount,) = invoice.payment_discounts
    assert discount == PaymentDiscount(percent=Decimal(2), days=Decimal(14), base=Decimal(119))
    assert invoice.notes == "Registered in Hamburg\nThank you"
    fields = {each.field for each in extraction.evidence}
    assert fields >= _WHOLE.keys() - {"allowances_charges", "attachments"}
    assert {"allowances_charges[1].amount", "attachments[0].sha256", "line_items[0].other_terms[BT-128]"} <= fields


_WHOLE: dict[str, Any] = {
    "buyer_reference": "04011000-1",
    "customer_number": "10234",
    "project_reference": "P 8",
    "contract_reference": "C 12",
    "sales_order": "SO 1",
    "receiving_advice": "RA 6",
    "delivery_note": "DN 5",
    "tender_reference": "LOT 3",
    "accounting_reference": "CC 7",
    "tax_point_date": date(2026, 1, 30),
    "period_start": date(2026, 1, 1),
    "period_end": date(2026, 1, 31),
    "delivery_date": date(2026, 1, 29),
    "delivery_name": "Depot",
    "delivery_address": "Gate 4, 06000 Nice, FR",
    "delivery_country": "FR",
    "supplier_trading_name": "Holzwerk",
    "supplier_registration": "12345678200018",
    "supplier_electronic_address": "4012345000009",
    "supplier_contact": "Ada Holz",
    "supplier_phone": "+49 40 1",
    "supplier_email": "ada@example.com",
    "supplier_tax_id": "22/815/0815",
    "customer_trading_name": "Jardin",
    "customer_registration": "123456782",
    "customer_electronic_address": "ap@example.com",
    "customer_contact": "Luc Jardin",
    "customer_phone": "+33 4 1",
    "customer_email": "luc@example.com",
    "payee_name": "Factor AG",
    "payee_id": "PAY-1",
    "payee_registration": "HRB 9",
    "tax_representative_name": "Tax Rep",
    "tax_representative_vat_id": "FR83404833048",
    "tax_representative_address": "Quay 1, 75001 Paris, FR",
    "payment_means": "58",
    "payment_reference": "RF18539007547034",
    "payment_bic": "BYLADEM1001",
    "payment_account_name": "Holzwerk account",
    "mandate_reference": "M-77",
    "creditor_id": "DE98ZZZ09999999999",
    "debited_account": "FR7630006000011234567890189",
    "card_number": "1234",
    "card_holder": "Luc",
    "line_total": Decimal(100),
    "allowance_total": Decimal(10),
    "charge_total": Decimal(10),
    "prepaid_amount": Decimal("0.02"),
    "rounding_amount": Decimal("0.02"),
    "accounting_currency": "GBP",
    "tax_total_accounting": Decimal("16.15"),
    "exchange_rate": Decimal("0.85"),
    "allowances_charges": (
        AllowanceCharge(
            kind="allowance",
            amount=Decimal(10),
            percent=Decimal(10),
            base=Decimal(100),
            reason="Loyalty",
            reason_code="95",
            tax_category="S",
            tax_rate=Decimal(19),
        ),
        AllowanceCharge(kind="charge", amount=Decimal(10), reason="Freight", tax_category="S", tax_rate=Decimal(19)),
        AllowanceCharge(kind="charge", amount=Decimal(0), line=1, reason="Packing", reason_code="PC"),
    ),
    "attachments": (
        Attachment(
            reference="A 1",
            description="Timesheet",
            filename="sheet.pdf",
            media_type="application/pdf",
            size_bytes=Decimal(len(ATTACHED)),
            sha256=hashlib.sha256(ATTACHED).hexdigest(),
        ),
        Attachment(reference="A 2", location="https://example.com/a2"),
    ),
}
_WHOLE_LINE: dict[str, Any] = {
    "line_id": "1",
    "note": "Cushions apart",
    "details": "Oiled oak, stackable",
    "seller_item_id": "H-1",
    "buyer_item_id": "B-1",
    "standard_item_id": "4012345001235",
    "standard_item_scheme": "0160",
    "classification": "94016900",
    "classification_scheme": "STI",
    "purchase_order_line": "4",
    "accounting_reference": "CC 8",
    "period_start": date(2026, 1, 2),
    "period_end": date(2026, 1, 30),
    "gross_price": Decimal(55),
    "price_discount": Decimal(5),
    "base_quantity": Decimal(1),
    "tax_category": "S",
    "country_of_origin": "PL",
    "other_terms": {
        "BT-128": ("OBJ 2",),
        "BT-128-1": ("AVE",),
        "BT-158-2": ("20",),
        "BT-160": ("Finish",),
        "BT-161": ("Oil",),
    },
}


@pytest.mark.parametrize("xml", [WHOLE_UBL, WHOLE_CII], ids=["ubl", "cii"])
def test_lists_of_a_whole_invoice_have_every_row(xml: str) -> None:
    invoice = extract(xml).invoice
    assert invoice.supplier_tax_ids == (
        TaxId(scheme="FC", value="22/815/0815"),
        TaxId(scheme="VAT", value="DE136695976"),
        TaxId(scheme="SIRET", value="12345678200018"),
    )
    assert invoice.customer_tax_ids == (TaxId(scheme="SIREN", value="123456782"),)
    assert invoice.payment_accounts == (
        PaymentAccount(account="DE02120300000000202051", scheme="IBAN", bic="BYLADEM1001", name="Holzwerk account"),
    )
    assert invoice.preceding_invoices == (PrecedingInvoice(number="R-2025/9", issue_date=date(2025, 12, 1)),)
    (tax,) = invoice.tax_breakdown
    assert (tax.category, tax.exemption_reason, tax.exemption_code) == ("S", "Not so", "VATEX-EU-O")
    by_number = {"BT-8", "BT-18", "BT-18-1", "BT-21", "BT-23", "BT-24", "BT-29", "BT-33", "BT-34-1", "BT-71"}
    assert by_number <= invoice.other_terms.keys()
    assert (invoice.other_terms["BT-18"], invoice.other_terms["BT-21"]) == (("METER 4",), ("REG",))


def test_terms_without_a_number_stand_under_their_path() -> None:
    terms = extract(STRANGE_UBL).invoice.other_terms
    assert terms["Signature/ID"] == ("sig 1",)
    assert terms["Extra"] == ("between", "tail")
    assert terms["Extra/@kind"] == ("odd",)
    assert terms["Extra/Deep/Deeper"] == ("well hidden",)
    line = extract(DOCUMENTS["lines in lines"]).invoice.line_items[0]
    assert line.other_terms == {"SubInvoiceLine/ID": ("1.1",), "SubInvoiceLine/Item/Name": ("Leg",)}


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_every_syntax_names_its_terms(syntax: Any) -> None:
    assert syntax.terms in (UBL_TERMS, CII_TERMS)
    assert all(re.fullmatch(r"BT-\d{1,3}(-\d)?", number) for number in syntax.terms.values())
    assert not any("{" in path for path in syntax.terms)


def test_other_taxes_than_vat_keep_their_names_and_their_sum() -> None:
    """Two taxes at one rate, as India's CGST and SGST, were one, and half of the tax was lost."""

    def tax(name: str) -> str:
        return (
            '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">9.50</cbc:TaxAmount><cac:TaxSubtotal>'
            '<cbc:TaxableAmount currencyID="EUR">100.00</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">9.50'
            "</cbc:TaxAmount><cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>9.50</cbc:Percent><cac:TaxScheme>"
            f"<cbc:ID>{name}</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>"
        )

    before, _, rest = UBL.partition(" <cac:TaxTotal>")
    xml = f"{before}{tax('CGST')}{tax('SGST')}{rest.partition('</cac:TaxTotal>')[2]}"
    invoice = extract(xml).invoice
    assert invoice.tax_total == Decimal(19)
    row = TaxLine(rate=Decimal("9.5"), net=Decimal(100), tax=Decimal("9.5"), category="S")
    assert invoice.tax_breakdown == tuple(row.model_copy(update={"name": name}) for name in ("CGST", "SGST"))


def test_an_allowance_with_a_minus_sign_is_the_allowance_of_the_total() -> None:
    xml = replaced(
        WHOLE_CII,
        "<ram:ActualAmount>10.00</ram:ActualAmount><ram:ReasonCode>95",
        "<ram:ActualAmount>-10.00</ram:ActualAmount><ram:ReasonCode>95",
    )
    assert [row.amount for row in extract(xml).invoice.allowances_charges] == [Decimal(10), Decimal(10), Decimal(0)]


def test_thousands_of_unknown_elements_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_terms, "MAX_TERMS", 100)
    unknown = "".join(f"<cbc:U{at}>x</cbc:U{at}>" for at in range(500))
    extraction = extract(replaced(UBL, " <cac:TaxTotal>", f" {unknown}<cac:TaxTotal>"))
    assert len(extraction.invoice.other_terms) == 100
    assert XmlRule.TERMS_LEFT_OUT in rules_of(extraction)


def test_a_long_note_is_kept_in_pieces_and_forces_no_review() -> None:
    xml = replaced(
        UBL, " <cbc:DocumentCurrencyCode>", f"<cbc:Note>{'word ' * 5_000}</cbc:Note><cbc:DocumentCurrencyCode>"
    )
    invoice = extract(xml).invoice
    assert invoice.notes is None
    assert "".join(invoice.other_terms["BT-22"]) == ("word " * 5_000).strip()
    assert bounded(invoice).too_long == ()


def test_a_full_card_number_is_not_kept() -> None:
    xml = replaced(WHOLE_UBL, ">1234</cbc:PrimaryAccountNumberID>", ">4111111111111111</cbc:PrimaryAccountNumberID>")
    extraction = extract(xml)
    assert extraction.invoice.card_number == "1111"
    assert "4111111111111111" not in extraction.model_dump_json()


def test_an_attachment_that_is_no_file_is_named() -> None:
    """Its text is kept, and the invoice is read and needs no person for it."""
    extraction = extract(replaced(WHOLE_UBL, _BASE64, "not base64!"))
    (attachment, _) = extraction.invoice.attachments
    assert (attachment.filename, attachment.sha256) == ("sheet.pdf", None)
    assert extraction.invoice.other_terms["BT-125"] == ("not base64!",)
    assert XmlRule.ATTACHMENT_UNREADABLE in rules_of(extraction)


@pytest.mark.parametrize(
    ("stated", "shown"),
    [("../../etc/passwd", "passwd"), ("C:\\temp\\a.pdf", "a.pdf"), ("x\u202efdp.exe", "xfdp.exe"), ("..", None)],
)
def test_the_name_of_an_attachment_is_no_path(stated: str, shown: str | None) -> None:
    extraction = extract(replaced(WHOLE_UBL, 'filename="sheet.pdf"', f'filename="{stated}"'))
    assert extraction.invoice.attachments[0].filename == shown
