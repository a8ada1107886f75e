// SPDX-License-Identifier: BSD-3-Clause
//
// A Parquet file's footer as go-embeddingsdb's parquet-metadata prints it.
#ifndef EMBEDDINGSDB_PARQUET_FOOTER_JSON_H_
#define EMBEDDINGSDB_PARQUET_FOOTER_JSON_H_

#include <string>

#include "embeddingsdb/status.h"

#include "parquet/thrift_compact.h"

namespace embeddingsdb {

/// The whole footer as one JSON object, under the field names of parquet-go and in their order:
/// {"Version":...,"Schema":[...],"NumRows":...,"RowGroups":[...],"KeyValueMetadata":[...],
/// "CreatedBy":...,"ColumnOrders":[...],...}. Enumerations are numbers, byte strings base64. What a
/// file leaves out is null, or the zero value where parquet-go cannot tell the two apart.
/// kResourceExhausted for more than kMaxFooterJsonBytes: an element of a list that leaves all out
/// is one byte in a footer and hundreds here.
Result<std::string> FooterToJson(const ThriftValue& footer);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_FOOTER_JSON_H_
