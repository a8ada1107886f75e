// SPDX-License-Identifier: BSD-3-Clause
//
// Every limit of embeddingsdb, with its unit and the reason for the number. A value over a limit
// is an error that names the field, the value and the limit; nothing is clamped or cut silently.
#ifndef EMBEDDINGSDB_LIMITS_H_
#define EMBEDDINGSDB_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace embeddingsdb {

// Records. Sizes are bytes of UTF-8.
inline constexpr std::size_t kMaxProviderBytes = 256;       ///< a name, not a text
inline constexpr std::size_t kMaxModelBytes = 256;          ///< fits an S3 Vectors key
inline constexpr std::size_t kMaxDepictionIdBytes = 1'024;  ///< long enough for a URL
inline constexpr std::size_t kMaxSubjectIdBytes = 1'024;    ///< long enough for a URL
inline constexpr int kMinDimension = 1;
inline constexpr int kMaxDimension = 8'192;        ///< the most sqlite-vec takes
inline constexpr std::size_t kMaxAttributes = 40;  ///< S3 Vectors takes 50 with ours
inline constexpr std::size_t kMaxAttributeKeyBytes = 128;
inline constexpr std::size_t kMaxAttributeValueBytes = 24 * 1'024;  ///< a data: URI of a thumbnail
inline constexpr std::size_t kMaxAttributesBytes = 32 * 1'024;      ///< S3 Vectors takes 40 KB

// Queries.
inline constexpr int kDefaultResults = 10;          ///< go-embeddingsdb's max-results
inline constexpr float kDefaultMaxDistance = 1.0F;  ///< go-embeddingsdb's max-distance
inline constexpr int kMaxResults = 1'000;           ///< bounded answers
inline constexpr std::size_t kMaxExclude = 1'000;
inline constexpr std::size_t kMaxFilters = 16;
inline constexpr int kDefaultFacets = 100;
inline constexpr int kMaxFacets = 10'000;               ///< bounded answers
inline constexpr std::size_t kMaxFilterValues = 1'000;  ///< providers of Models() and so on
inline constexpr std::size_t kMaxWordsBytes = 1'024;    ///< text of a words filter
inline constexpr std::size_t kMaxQueryTerms = 32;       ///< words of that text
inline constexpr std::size_t kMaxWordBytes = 64;  ///< folded; longer ones are compared up to here
inline constexpr std::int64_t kDefaultPerPage = 10;  ///< go-embeddingsdb's per-page
inline constexpr std::int64_t kMaxPerPage = 1'000;
inline constexpr std::int64_t kMaxPage = 1'000'000'000;  ///< page * per_page stays in int64
inline constexpr std::size_t kMaxCursorBytes =
    4 * 1'024;  ///< where a list goes on; S3's take 2,048

// Batches: one batch is one durable commit.
inline constexpr std::size_t kMaxBatchRecords = 10'000;
inline constexpr std::size_t kMaxBatchBytes = 64 * 1'024 * 1'024;

// Indexes keep the subject id and the attributes of a row up to this many bytes, so that answers
// come without the record store. Longer ones are read from there: nobody wants thumbnails twice.
inline constexpr std::size_t kMaxIndexedDetailsBytes = 1'024;

// Verify.
inline constexpr std::size_t kMaxVerifyProblems = 100;  ///< named one by one; a file may be ruined

// SQLite: connections that read, kept open.
inline constexpr std::int64_t kMaxSqliteConnections = 1'000;  ///< each has open files

// Databases behind one multi://.
inline constexpr std::size_t kMaxDatabases = 32;  ///< each may hold threads and open files

// S3 Vectors: what one request of the protocol takes, for our client and our server.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
inline constexpr std::size_t kMaxS3RequestBytes = 20 * 1'024 * 1'024;
inline constexpr std::size_t kMaxS3PutVectors = 500;
inline constexpr std::size_t kMaxS3GetVectors = 100;
inline constexpr std::size_t kMaxS3DeleteVectors = 500;
inline constexpr int kMaxS3ListVectors = 1'000;
inline constexpr int kDefaultS3ListVectors = 500;
inline constexpr std::size_t kMaxS3ListBytes = 1'024 * 1'024;  ///< a page of a list ends early
inline constexpr int kMaxS3ListEntries = 500;                  ///< buckets, indexes of a page
inline constexpr int kMaxS3Segments = 16;
inline constexpr int kMaxS3Results = 10'000;
inline constexpr int kMaxS3ResultsPage = 1'000;  ///< of our server; the service's is not known
inline constexpr int kMaxS3Dimension = 4'096;
inline constexpr std::size_t kMaxS3KeyBytes = 1'024;
inline constexpr std::size_t kMinS3NameBytes = 3;  ///< of a bucket, an index
inline constexpr std::size_t kMaxS3NameBytes = 63;
inline constexpr std::size_t kMaxS3MetadataBytes = 40 * 1'024;
inline constexpr std::size_t kMaxS3FilterableBytes = 2 * 1'024;
inline constexpr std::size_t kMaxS3MetadataKeys = 50;
inline constexpr std::size_t kMaxS3NonFilterableKeys = 10;
inline constexpr std::size_t kMaxS3FilterTerms = 1'024;  ///< conditions and values of a filter
inline constexpr std::size_t kMaxS3EnhancedTerms = 100;  ///< of one in the mode ENHANCED
inline constexpr std::size_t kMaxS3Tags = 50;
inline constexpr std::size_t kMaxS3TagKeyCharacters = 128;
inline constexpr std::size_t kMaxS3TagValueCharacters = 256;
inline constexpr std::size_t kMaxS3ArnBytes = 1'011;
inline constexpr std::size_t kMaxS3PolicyBytes = 20 * 1'024;
inline constexpr std::size_t kMaxS3TokenBytes = 2'048;  ///< nextToken
inline constexpr int kMaxS3ClockSkewSeconds = 300;      ///< between a request and its receiver
inline constexpr int kMaxS3Attempts = 5;                ///< of one request, the first among them
inline constexpr int kS3RequestSeconds = 60;            ///< of one attempt
inline constexpr int kS3ConnectSeconds = 10;
inline constexpr std::size_t kMaxS3Connections = 8;  ///< requests of one client side by side
inline constexpr std::size_t kMaxS3AnswerBytes = 64 * 1'024 * 1'024;
inline constexpr std::size_t kMaxS3ConnectionRequests = 1'000'000;  ///< clients keep connections

// Credentials of AWS.
inline constexpr std::size_t kMaxAwsProfilesBytes = 1'024 * 1'024;  ///< ~/.aws/config
inline constexpr int kMaxAwsProfileChain = 8;  ///< roles by way of roles; two may name each other
inline constexpr std::size_t kMaxAwsCredentialsBytes = 64 * 1'024;  ///< an answer that has them

// PostgreSQL.
inline constexpr std::size_t kMaxPostgresConnections = 8;  ///< of one database; a server has 100
inline constexpr int kPostgresConnectSeconds = 10;
inline constexpr int kPostgresStatementSeconds = 300;
inline constexpr std::int64_t kMaxPostgresSeconds = 24 * 3'600;  ///< of either
inline constexpr int kMaxPostgresAttempts = 5;        ///< of a transaction that lost to another
inline constexpr int kMaxVectorIndexColumns = 2'000;  ///< pgvector indexes of `vector`
inline constexpr int kMaxHalfvecIndexColumns = 4'000;

// Text from outside.
inline constexpr std::size_t kMaxUriBytes = 8 * 1'024;
inline constexpr std::size_t kMaxJsonBytes = 1'024 * 1'024;  ///< one record of 8,192 floats fits
inline constexpr int kMaxJsonDepth = 32;
inline constexpr int kMaxScannedJsonDepth = 256;  ///< before the text is said to be no JSON
inline constexpr std::size_t kMaxTokenBytes = 16 * 1'024;   ///< of a token file
inline constexpr std::size_t kMaxPemBytes = 1'024 * 1'024;  ///< all public roots take 220 KB
inline constexpr std::size_t kMaxKeyBytes = 1'024 * 1'024;  ///< an OpenPGP key may hold pictures

// gRPC.
inline constexpr int kMaxMessageBytes = 64 * 1'024 * 1'024;  ///< 1,000 records of 8,192 floats
inline constexpr int kMaxMetadataBytes = 16 * 1'024;
inline constexpr std::size_t kMaxStatusMessageBytes =
    2'048;  ///< a client of go-embeddingsdb may take 8 KiB of metadata, escapes included
inline constexpr int kMaxStreamsPerConnection = 64;
inline constexpr int kMaxCallsInFlight = 256;              ///< each may hold a thread
inline constexpr int kStreamMessageBytes = 1'024 * 1'024;  ///< aim of one streamed message
inline constexpr int kCallDeadlineSeconds = 300;           ///< of our client's unary calls
inline constexpr int kDrainSeconds = 10;                   ///< SIGTERM to exit

// HTTP, of the inspector.
inline constexpr std::size_t kMaxHttpConnections = 64;                   ///< each holds a thread
inline constexpr std::size_t kMaxHttpRequests = 1'000;                   ///< of one connection
inline constexpr std::int64_t kMaxHttpSeconds = 3'600;                   ///< of a timeout
inline constexpr std::int64_t kDefaultUploadBytes = 10 * 1'024 * 1'024;  ///< go-embeddingsdb's
inline constexpr std::size_t kMaxExamples = 16;       ///< records that one search starts from
inline constexpr std::size_t kMaxComparedModels = 6;  ///< columns that a screen has place for
inline constexpr std::size_t kMaxTrail = 12;          ///< steps of a walk; they are in the address
inline constexpr std::size_t kMaxTrailBytes = 1'500;  ///< of that address
inline constexpr std::size_t kMaxShownModels = 100;   ///< whose statistics are shown
inline constexpr std::size_t kMaxMaps = 4;            ///< that are kept, up to some 30 MB each
inline constexpr std::size_t kMaxMapBytes = 256 * 1'024 * 1'024;  ///< vectors held at once
inline constexpr std::size_t kMaxMapOrigins = 32;  ///< hosts of pictures; they are in a header
inline constexpr std::int64_t kMaxMapRecords = 250'000;  ///< points of a map

// What a distance means, which the inspector learns from pairs of a model's records. A hundred
// thousand pairs tell how many are nearer down to 0.01 %.
inline constexpr std::size_t kMaxScales = 64;  ///< models whose distances are kept, 400 KB each
inline constexpr std::int64_t kMaxScaleRecords = 2'048;
inline constexpr std::size_t kMaxScaleBytes = 32 * 1'024 * 1'024;  ///< of their vectors
inline constexpr std::size_t kMaxScalePairs = 100'000;
inline constexpr std::size_t kFewestScalePairs = 20;  ///< of 7 records; fewer say nothing
inline constexpr std::int64_t kMaxScaleReadBytes =
    2LL * 1'024 * 1'024 * 1'024;  ///< all vectors of the model are read, and nobody asked for them

// Embedders: what they are given, and what they may answer.
inline constexpr std::size_t kMaxEmbedTextBytes = 64 * 1'024;  ///< models read some 77 words
inline constexpr std::size_t kMaxPictureBytes = 64 * 1'024 * 1'024;
inline constexpr std::int64_t kMaxPicturePixels = 100'000'000;  ///< 400 MB once it is decoded
inline constexpr std::size_t kMaxEmbedderAnswerBytes =
    64 * 1'024 * 1'024;                      ///< encoderfile sends a vector for each token
inline constexpr int kEmbedderSeconds = 60;  ///< of one answer; a model may be loading
inline constexpr int kMaxEmbedderSeconds = 3'600;
inline constexpr int kEmbedderConnectSeconds = 10;
inline constexpr std::size_t kMaxRoutes = 32;  ///< embedders behind one route://

// Parquet.
inline constexpr std::int64_t kRowGroupBytes = 64 * 1'024 * 1'024;  ///< buffered by the writer
inline constexpr std::int64_t kMaxRowGroupBytes = 1LL << 30;
inline constexpr std::int64_t kMaxDownloadBytes = 1LL << 40;  ///< of an http(s) input: 1 TiB
inline constexpr std::size_t kMaxFooterValues = 4'000'000;    ///< 1 TiB in our row groups has 3.3 M
inline constexpr std::size_t kMaxFooterJsonBytes =
    256 * 1'024 * 1'024;  ///< 4 M values take about 100 MB; of a lying footer 4 MB take 2 GB
inline constexpr int kMaxFooterDepth = 16;          ///< structs within structs; 6 are needed
inline constexpr std::size_t kMaxSchemaDepth = 64;  ///< groups within groups
inline constexpr std::size_t kMaxSchemaPathBytes =
    16 * 1'024 * 1'024;  ///< of all columns: 100,000 of 160 bytes
inline constexpr std::size_t kMaxDocumentBytes = 16 * 1'024 * 1'024;  ///< the `embeddings` document
inline constexpr std::size_t kMaxLicenceBytes = 1'024;                ///< a name or a URL
inline constexpr std::size_t kMaxDigestBytes = 256;                   ///< SHA-512 takes 135
inline constexpr std::size_t kMaxSignatureBytes = 64 * 1'024;  ///< RSA of 16,384 bits takes 3 KB
inline constexpr int kMaxSigningWorkers = 256;                 ///< threads; each may run gpg
inline constexpr std::size_t kMaxFileProblems = 10;  ///< of one kind that are told one by one

// Commands that read files from outside do it in a child process that may take this much.
inline constexpr std::uint64_t kToolMemoryBytes = 4ULL << 30;         ///< reading takes under 1 GiB
inline constexpr std::uint64_t kToolCpuSeconds = 3'600;               ///< and for the files' size:
inline constexpr std::uint64_t kToolBytesPerCpuSecond = 256 * 1'024;  ///< most do 100 times that
inline constexpr std::uint64_t kToolOpenFiles = 1'024;

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_LIMITS_H_
