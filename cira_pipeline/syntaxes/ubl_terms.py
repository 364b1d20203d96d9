"""Business terms of EN 16931 by element of UBL (CEN/TS 16931-3-2)."""

from __future__ import annotations

from typing import Final

from cira_pipeline.syntaxes.terms import named_terms

UBL_TERMS: Final = named_terms(
    """
    BT-1 ID
    BT-2 IssueDate
    BT-3 {type}
    BT-5 DocumentCurrencyCode
    BT-6 TaxCurrencyCode
    BT-7 TaxPointDate
    BT-8 InvoicePeriod/DescriptionCode
    BT-9 DueDate
    BT-9 PaymentMeans/PaymentDueDate
    BT-10 BuyerReference
    BT-11 ProjectReference/ID
    BT-12 ContractDocumentReference/ID
    BT-13 OrderReference/ID
    BT-14 OrderReference/SalesOrderID
    BT-15 ReceiptDocumentReference/ID
    BT-16 DespatchDocumentReference/ID
    BT-17 OriginatorDocumentReference/ID
    BT-19 AccountingCost
    BT-20 PaymentTerms/Note
    BT-22 Note
    BT-23 ProfileID
    BT-24 CustomizationID
    BT-25 BillingReference/InvoiceDocumentReference/ID
    BT-26 BillingReference/InvoiceDocumentReference/IssueDate
    BT-27 AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName
    BT-28 AccountingSupplierParty/Party/PartyName/Name
    BT-29 AccountingSupplierParty/Party/PartyIdentification/ID
    BT-29-1 AccountingSupplierParty/Party/PartyIdentification/ID/@schemeID
    BT-30 AccountingSupplierParty/Party/PartyLegalEntity/CompanyID
    BT-30-1 AccountingSupplierParty/Party/PartyLegalEntity/CompanyID/@schemeID
    BT-32 AccountingSupplierParty/Party/PartyTaxScheme/CompanyID
    BT-33 AccountingSupplierParty/Party/PartyLegalEntity/CompanyLegalForm
    BT-34 AccountingSupplierParty/Party/EndpointID
    BT-34-1 AccountingSupplierParty/Party/EndpointID/@schemeID
    BT-35 AccountingSupplierParty/Party/PostalAddress/StreetName
    BT-36 AccountingSupplierParty/Party/PostalAddress/AdditionalStreetName
    BT-162 AccountingSupplierParty/Party/PostalAddress/AddressLine/Line
    BT-37 AccountingSupplierParty/Party/PostalAddress/CityName
    BT-38 AccountingSupplierParty/Party/PostalAddress/PostalZone
    BT-39 AccountingSupplierParty/Party/PostalAddress/CountrySubentity
    BT-40 AccountingSupplierParty/Party/PostalAddress/Country/IdentificationCode
    BT-41 AccountingSupplierParty/Party/Contact/Name
    BT-42 AccountingSupplierParty/Party/Contact/Telephone
    BT-43 AccountingSupplierParty/Party/Contact/ElectronicMail
    BT-44 AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName
    BT-45 AccountingCustomerParty/Party/PartyName/Name
    BT-46 AccountingCustomerParty/Party/PartyIdentification/ID
    BT-46-1 AccountingCustomerParty/Party/PartyIdentification/ID/@schemeID
    BT-47 AccountingCustomerParty/Party/PartyLegalEntity/CompanyID
    BT-47-1 AccountingCustomerParty/Party/PartyLegalEntity/CompanyID/@schemeID
    BT-48 AccountingCustomerParty/Party/PartyTaxScheme/CompanyID
    BT-49 AccountingCustomerParty/Party/EndpointID
    BT-49-1 AccountingCustomerParty/Party/EndpointID/@schemeID
    BT-50 AccountingCustomerParty/Party/PostalAddress/StreetName
    BT-51 AccountingCustomerParty/Party/PostalAddress/AdditionalStreetName
    BT-163 AccountingCustomerParty/Party/PostalAddress/AddressLine/Line
    BT-52 AccountingCustomerParty/Party/PostalAddress/CityName
    BT-53 AccountingCustomerParty/Party/PostalAddress/PostalZone
    BT-54 AccountingCustomerParty/Party/PostalAddress/CountrySubentity
    BT-55 AccountingCustomerParty/Party/PostalAddress/Country/IdentificationCode
    BT-56 AccountingCustomerParty/Party/Contact/Name
    BT-57 AccountingCustomerParty/Party/Contact/Telephone
    BT-58 AccountingCustomerParty/Party/Contact/ElectronicMail
    BT-59 PayeeParty/PartyName/Name
    BT-60 PayeeParty/PartyIdentification/ID
    BT-60-1 PayeeParty/PartyIdentification/ID/@schemeID
    BT-61 PayeeParty/PartyLegalEntity/CompanyID
    BT-61-1 PayeeParty/PartyLegalEntity/CompanyID/@schemeID
    BT-62 TaxRepresentativeParty/PartyName/Name
    BT-63 TaxRepresentativeParty/PartyTaxScheme/CompanyID
    BT-64 TaxRepresentativeParty/PostalAddress/StreetName
    BT-65 TaxRepresentativeParty/PostalAddress/AdditionalStreetName
    BT-164 TaxRepresentativeParty/PostalAddress/AddressLine/Line
    BT-66 TaxRepresentativeParty/PostalAddress/CityName
    BT-67 TaxRepresentativeParty/PostalAddress/PostalZone
    BT-68 TaxRepresentativeParty/PostalAddress/CountrySubentity
    BT-69 TaxRepresentativeParty/PostalAddress/Country/IdentificationCode
    BT-70 Delivery/DeliveryParty/PartyName/Name
    BT-71 Delivery/DeliveryLocation/ID
    BT-71-1 Delivery/DeliveryLocation/ID/@schemeID
    BT-72 Delivery/ActualDeliveryDate
    BT-73 InvoicePeriod/StartDate
    BT-74 InvoicePeriod/EndDate
    BT-75 Delivery/DeliveryLocation/Address/StreetName
    BT-76 Delivery/DeliveryLocation/Address/AdditionalStreetName
    BT-165 Delivery/DeliveryLocation/Address/AddressLine/Line
    BT-77 Delivery/DeliveryLocation/Address/CityName
    BT-78 Delivery/DeliveryLocation/Address/PostalZone
    BT-79 Delivery/DeliveryLocation/Address/CountrySubentity
    BT-80 Delivery/DeliveryLocation/Address/Country/IdentificationCode
    BT-81 PaymentMeans/PaymentMeansCode
    BT-82 PaymentMeans/PaymentMeansCode/@name
    BT-83 PaymentMeans/PaymentID
    BT-84 PaymentMeans/PayeeFinancialAccount/ID
    BT-84-1 PaymentMeans/PayeeFinancialAccount/ID/@schemeID
    BT-85 PaymentMeans/PayeeFinancialAccount/Name
    BT-86 PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID
    BT-87 PaymentMeans/CardAccount/PrimaryAccountNumberID
    BT-88 PaymentMeans/CardAccount/HolderName
    BT-89 PaymentMeans/PaymentMandate/ID
    BT-91 PaymentMeans/PaymentMandate/PayerFinancialAccount/ID
    BT-106 {sums}/LineExtensionAmount
    BT-107 {sums}/AllowanceTotalAmount
    BT-108 {sums}/ChargeTotalAmount
    BT-109 {sums}/TaxExclusiveAmount
    BT-110 TaxTotal/TaxAmount
    BT-111 TaxTotal/TaxAmount
    BT-112 {sums}/TaxInclusiveAmount
    BT-113 {sums}/PrepaidAmount
    BT-114 {sums}/PayableRoundingAmount
    BT-115 {sums}/PayableAmount
    BT-116 TaxTotal/TaxSubtotal/TaxableAmount
    BT-117 TaxTotal/TaxSubtotal/TaxAmount
    BT-118 TaxTotal/TaxSubtotal/TaxCategory/ID
    BT-119 TaxTotal/TaxSubtotal/TaxCategory/Percent
    BT-120 TaxTotal/TaxSubtotal/TaxCategory/TaxExemptionReason
    BT-121 TaxTotal/TaxSubtotal/TaxCategory/TaxExemptionReasonCode
    BT-122 AdditionalDocumentReference/ID
    BT-18-1 AdditionalDocumentReference/ID/@schemeID
    BT-123 AdditionalDocumentReference/DocumentDescription
    BT-124 AdditionalDocumentReference/Attachment/ExternalReference/URI
    BT-125 AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject
    BT-125-1 AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject/@mimeCode
    BT-125-2 AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject/@filename
    BT-126 {line}/ID
    BT-127 {line}/Note
    BT-128 {line}/DocumentReference/ID
    BT-128-1 {line}/DocumentReference/ID/@schemeID
    BT-129 {line}/{quantity}
    BT-130 {line}/{quantity}/@unitCode
    BT-131 {line}/LineExtensionAmount
    BT-132 {line}/OrderLineReference/LineID
    BT-133 {line}/AccountingCost
    BT-134 {line}/InvoicePeriod/StartDate
    BT-135 {line}/InvoicePeriod/EndDate
    BT-146 {line}/Price/PriceAmount
    BT-147 {line}/Price/AllowanceCharge/Amount
    BT-148 {line}/Price/AllowanceCharge/BaseAmount
    BT-149 {line}/Price/BaseQuantity
    BT-150 {line}/Price/BaseQuantity/@unitCode
    BT-151 {line}/Item/ClassifiedTaxCategory/ID
    BT-152 {line}/Item/ClassifiedTaxCategory/Percent
    BT-153 {line}/Item/Name
    BT-154 {line}/Item/Description
    BT-155 {line}/Item/SellersItemIdentification/ID
    BT-156 {line}/Item/BuyersItemIdentification/ID
    BT-157 {line}/Item/StandardItemIdentification/ID
    BT-157-1 {line}/Item/StandardItemIdentification/ID/@schemeID
    BT-158 {line}/Item/CommodityClassification/ItemClassificationCode
    BT-158-1 {line}/Item/CommodityClassification/ItemClassificationCode/@listID
    BT-158-2 {line}/Item/CommodityClassification/ItemClassificationCode/@listVersionID
    BT-159 {line}/Item/OriginCountry/IdentificationCode
    BT-160 {line}/Item/AdditionalItemProperty/Name
    BT-161 {line}/Item/AdditionalItemProperty/Value
    """,
    parts={
        "type": ("InvoiceTypeCode", "CreditNoteTypeCode"),
        "sums": ("LegalMonetaryTotal", "RequestedMonetaryTotal"),
        "line": ("InvoiceLine", "CreditNoteLine", "DebitNoteLine"),
        "quantity": ("InvoicedQuantity", "CreditedQuantity", "DebitedQuantity"),
    },
)
