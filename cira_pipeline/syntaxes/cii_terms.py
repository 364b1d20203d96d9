"""Business terms of EN 16931 by element of UN/CEFACT's CII (CEN/TS 16931-3-3) and of ZUGFeRD 1.0."""

from __future__ import annotations

from typing import Final

from cira_pipeline.syntaxes.terms import named_terms

CII_TERMS: Final = named_terms(
    """
    BT-1 {document}/ID
    BT-2 {document}/IssueDateTime/DateTimeString
    BT-3 {document}/TypeCode
    BT-5 {settlement}/InvoiceCurrencyCode
    BT-6 {settlement}/TaxCurrencyCode
    BT-7 {settlement}/ApplicableTradeTax/TaxPointDate/DateString
    BT-8 {settlement}/ApplicableTradeTax/DueDateTypeCode
    BT-9 {settlement}/SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString
    BT-10 {agreement}/BuyerReference
    BT-11 {agreement}/SpecifiedProcuringProject/ID
    BT-12 {agreement}/ContractReferencedDocument/{reference}
    BT-13 {agreement}/BuyerOrderReferencedDocument/{reference}
    BT-14 {agreement}/SellerOrderReferencedDocument/{reference}
    BT-15 {delivery}/ReceivingAdviceReferencedDocument/{reference}
    BT-16 {delivery}/DespatchAdviceReferencedDocument/{reference}
    BT-19 {settlement}/ReceivableSpecifiedTradeAccountingAccount/ID
    BT-20 {settlement}/SpecifiedTradePaymentTerms/Description
    BT-21 {document}/IncludedNote/SubjectCode
    BT-22 {document}/IncludedNote/Content
    BT-23 {context}/BusinessProcessSpecifiedDocumentContextParameter/ID
    BT-24 {context}/GuidelineSpecifiedDocumentContextParameter/ID
    BT-25 {settlement}/InvoiceReferencedDocument/{reference}
    BT-26 {settlement}/InvoiceReferencedDocument/FormattedIssueDateTime/DateTimeString
    BT-27 {agreement}/SellerTradeParty/Name
    BT-28 {agreement}/SellerTradeParty/SpecifiedLegalOrganization/TradingBusinessName
    BT-29 {agreement}/SellerTradeParty/ID
    BT-29 {agreement}/SellerTradeParty/GlobalID
    BT-29-1 {agreement}/SellerTradeParty/GlobalID/@schemeID
    BT-30 {agreement}/SellerTradeParty/SpecifiedLegalOrganization/ID
    BT-30-1 {agreement}/SellerTradeParty/SpecifiedLegalOrganization/ID/@schemeID
    BT-32 {agreement}/SellerTradeParty/SpecifiedTaxRegistration/ID
    BT-33 {agreement}/SellerTradeParty/Description
    BT-34 {agreement}/SellerTradeParty/URIUniversalCommunication/URIID
    BT-34-1 {agreement}/SellerTradeParty/URIUniversalCommunication/URIID/@schemeID
    BT-35 {agreement}/SellerTradeParty/PostalTradeAddress/LineOne
    BT-36 {agreement}/SellerTradeParty/PostalTradeAddress/LineTwo
    BT-162 {agreement}/SellerTradeParty/PostalTradeAddress/LineThree
    BT-37 {agreement}/SellerTradeParty/PostalTradeAddress/CityName
    BT-38 {agreement}/SellerTradeParty/PostalTradeAddress/PostcodeCode
    BT-39 {agreement}/SellerTradeParty/PostalTradeAddress/CountrySubDivisionName
    BT-40 {agreement}/SellerTradeParty/PostalTradeAddress/CountryID
    BT-41 {agreement}/SellerTradeParty/DefinedTradeContact/PersonName
    BT-41 {agreement}/SellerTradeParty/DefinedTradeContact/DepartmentName
    BT-42 {agreement}/SellerTradeParty/DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber
    BT-43 {agreement}/SellerTradeParty/DefinedTradeContact/EmailURIUniversalCommunication/URIID
    BT-44 {agreement}/BuyerTradeParty/Name
    BT-45 {agreement}/BuyerTradeParty/SpecifiedLegalOrganization/TradingBusinessName
    BT-46 {agreement}/BuyerTradeParty/ID
    BT-46 {agreement}/BuyerTradeParty/GlobalID
    BT-46-1 {agreement}/BuyerTradeParty/GlobalID/@schemeID
    BT-47 {agreement}/BuyerTradeParty/SpecifiedLegalOrganization/ID
    BT-47-1 {agreement}/BuyerTradeParty/SpecifiedLegalOrganization/ID/@schemeID
    BT-48 {agreement}/BuyerTradeParty/SpecifiedTaxRegistration/ID
    BT-49 {agreement}/BuyerTradeParty/URIUniversalCommunication/URIID
    BT-49-1 {agreement}/BuyerTradeParty/URIUniversalCommunication/URIID/@schemeID
    BT-50 {agreement}/BuyerTradeParty/PostalTradeAddress/LineOne
    BT-51 {agreement}/BuyerTradeParty/PostalTradeAddress/LineTwo
    BT-163 {agreement}/BuyerTradeParty/PostalTradeAddress/LineThree
    BT-52 {agreement}/BuyerTradeParty/PostalTradeAddress/CityName
    BT-53 {agreement}/BuyerTradeParty/PostalTradeAddress/PostcodeCode
    BT-54 {agreement}/BuyerTradeParty/PostalTradeAddress/CountrySubDivisionName
    BT-55 {agreement}/BuyerTradeParty/PostalTradeAddress/CountryID
    BT-56 {agreement}/BuyerTradeParty/DefinedTradeContact/PersonName
    BT-56 {agreement}/BuyerTradeParty/DefinedTradeContact/DepartmentName
    BT-57 {agreement}/BuyerTradeParty/DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber
    BT-58 {agreement}/BuyerTradeParty/DefinedTradeContact/EmailURIUniversalCommunication/URIID
    BT-59 {settlement}/PayeeTradeParty/Name
    BT-60 {settlement}/PayeeTradeParty/ID
    BT-60 {settlement}/PayeeTradeParty/GlobalID
    BT-60-1 {settlement}/PayeeTradeParty/GlobalID/@schemeID
    BT-61 {settlement}/PayeeTradeParty/SpecifiedLegalOrganization/ID
    BT-61-1 {settlement}/PayeeTradeParty/SpecifiedLegalOrganization/ID/@schemeID
    BT-62 {agreement}/SellerTaxRepresentativeTradeParty/Name
    BT-63 {agreement}/SellerTaxRepresentativeTradeParty/SpecifiedTaxRegistration/ID
    BT-70 {delivery}/ShipToTradeParty/Name
    BT-71 {delivery}/ShipToTradeParty/ID
    BT-71 {delivery}/ShipToTradeParty/GlobalID
    BT-71-1 {delivery}/ShipToTradeParty/GlobalID/@schemeID
    BT-72 {delivery}/ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString
    BT-73 {settlement}/BillingSpecifiedPeriod/StartDateTime/DateTimeString
    BT-74 {settlement}/BillingSpecifiedPeriod/EndDateTime/DateTimeString
    BT-81 {settlement}/SpecifiedTradeSettlementPaymentMeans/TypeCode
    BT-82 {settlement}/SpecifiedTradeSettlementPaymentMeans/Information
    BT-83 {settlement}/PaymentReference
    BT-84 {settlement}/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID
    BT-84 {settlement}/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/ProprietaryID
    BT-85 {settlement}/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/AccountName
    BT-86 {settlement}/SpecifiedTradeSettlementPaymentMeans/PayeeSpecifiedCreditorFinancialInstitution/BICID
    BT-87 {settlement}/SpecifiedTradeSettlementPaymentMeans/ApplicableTradeSettlementFinancialCard/ID
    BT-88 {settlement}/SpecifiedTradeSettlementPaymentMeans/ApplicableTradeSettlementFinancialCard/CardholderName
    BT-89 {settlement}/SpecifiedTradePaymentTerms/DirectDebitMandateID
    BT-90 {settlement}/CreditorReferenceID
    BT-91 {settlement}/SpecifiedTradeSettlementPaymentMeans/PayerPartyDebtorFinancialAccount/IBANID
    BT-106 {settlement}/{sums}/LineTotalAmount
    BT-107 {settlement}/{sums}/AllowanceTotalAmount
    BT-108 {settlement}/{sums}/ChargeTotalAmount
    BT-109 {settlement}/{sums}/TaxBasisTotalAmount
    BT-110 {settlement}/{sums}/TaxTotalAmount
    BT-112 {settlement}/{sums}/GrandTotalAmount
    BT-113 {settlement}/{sums}/TotalPrepaidAmount
    BT-114 {settlement}/{sums}/RoundingAmount
    BT-115 {settlement}/{sums}/DuePayableAmount
    BT-116 {settlement}/ApplicableTradeTax/BasisAmount
    BT-117 {settlement}/ApplicableTradeTax/CalculatedAmount
    BT-118 {settlement}/ApplicableTradeTax/CategoryCode
    BT-119 {settlement}/ApplicableTradeTax/{rate}
    BT-120 {settlement}/ApplicableTradeTax/ExemptionReason
    BT-121 {settlement}/ApplicableTradeTax/ExemptionReasonCode
    BT-122 {agreement}/AdditionalReferencedDocument/{reference}
    BT-123 {agreement}/AdditionalReferencedDocument/Name
    BT-124 {agreement}/AdditionalReferencedDocument/URIID
    BT-125 {agreement}/AdditionalReferencedDocument/AttachmentBinaryObject
    BT-125-1 {agreement}/AdditionalReferencedDocument/AttachmentBinaryObject/@mimeCode
    BT-125-2 {agreement}/AdditionalReferencedDocument/AttachmentBinaryObject/@filename
    BT-126 {line}/AssociatedDocumentLineDocument/LineID
    BT-127 {line}/AssociatedDocumentLineDocument/IncludedNote/Content
    BT-128 {line}/{line_settlement}/AdditionalReferencedDocument/{reference}
    BT-128-1 {line}/{line_settlement}/AdditionalReferencedDocument/ReferenceTypeCode
    BT-129 {line}/{line_delivery}/BilledQuantity
    BT-130 {line}/{line_delivery}/BilledQuantity/@unitCode
    BT-131 {line}/{line_settlement}/{line_sums}/LineTotalAmount
    BT-132 {line}/{line_agreement}/BuyerOrderReferencedDocument/LineID
    BT-133 {line}/{line_settlement}/ReceivableSpecifiedTradeAccountingAccount/ID
    BT-134 {line}/{line_settlement}/BillingSpecifiedPeriod/StartDateTime/DateTimeString
    BT-135 {line}/{line_settlement}/BillingSpecifiedPeriod/EndDateTime/DateTimeString
    BT-146 {line}/{line_agreement}/NetPriceProductTradePrice/ChargeAmount
    BT-147 {line}/{line_agreement}/GrossPriceProductTradePrice/AppliedTradeAllowanceCharge/ActualAmount
    BT-148 {line}/{line_agreement}/GrossPriceProductTradePrice/ChargeAmount
    BT-149 {line}/{line_agreement}/NetPriceProductTradePrice/BasisQuantity
    BT-150 {line}/{line_agreement}/NetPriceProductTradePrice/BasisQuantity/@unitCode
    BT-149-1 {line}/{line_agreement}/GrossPriceProductTradePrice/BasisQuantity
    BT-150-1 {line}/{line_agreement}/GrossPriceProductTradePrice/BasisQuantity/@unitCode
    BT-151 {line}/{line_settlement}/ApplicableTradeTax/CategoryCode
    BT-152 {line}/{line_settlement}/ApplicableTradeTax/{rate}
    BT-153 {line}/SpecifiedTradeProduct/Name
    BT-154 {line}/SpecifiedTradeProduct/Description
    BT-155 {line}/SpecifiedTradeProduct/SellerAssignedID
    BT-156 {line}/SpecifiedTradeProduct/BuyerAssignedID
    BT-157 {line}/SpecifiedTradeProduct/GlobalID
    BT-157-1 {line}/SpecifiedTradeProduct/GlobalID/@schemeID
    BT-158 {line}/SpecifiedTradeProduct/DesignatedProductClassification/ClassCode
    BT-158-1 {line}/SpecifiedTradeProduct/DesignatedProductClassification/ClassCode/@listID
    BT-158-2 {line}/SpecifiedTradeProduct/DesignatedProductClassification/ClassCode/@listVersionID
    BT-159 {line}/SpecifiedTradeProduct/OriginTradeCountry/ID
    BT-160 {line}/SpecifiedTradeProduct/ApplicableProductCharacteristic/Description
    BT-161 {line}/SpecifiedTradeProduct/ApplicableProductCharacteristic/Value
    """,
    # Of the names of a part the second is that of ZUGFeRD 1.0. Paths with names of both never occur.
    parts={
        "context": ("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext"),
        "document": ("ExchangedDocument", "HeaderExchangedDocument"),
        "agreement": ("{trade}/ApplicableHeaderTradeAgreement", "{trade}/ApplicableSupplyChainTradeAgreement"),
        "delivery": ("{trade}/ApplicableHeaderTradeDelivery", "{trade}/ApplicableSupplyChainTradeDelivery"),
        "settlement": ("{trade}/ApplicableHeaderTradeSettlement", "{trade}/ApplicableSupplyChainTradeSettlement"),
        "line": ("{trade}/IncludedSupplyChainTradeLineItem",),
        "line_agreement": ("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement"),
        "line_delivery": ("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery"),
        "line_settlement": ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement"),
        "sums": ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"),
        "line_sums": ("SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"),
        "trade": ("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction"),
        "reference": ("IssuerAssignedID", "ID"),
        "rate": ("RateApplicablePercent", "ApplicablePercent"),
    },
)
